-- A Deliveries object of schema 4: a debt, and its sale in a register. In one object here; an object has one or the other.
CREATE TABLE delivery (
  key TEXT PRIMARY KEY,        -- the authorization's digest
  lease TEXT NOT NULL,
  lease_until INTEGER NOT NULL,
  remembered TEXT,      -- JSON of a DeliveryState
  forget_after INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE answer (
  key TEXT PRIMARY KEY,        -- route and payment identifier
  order_key TEXT NOT NULL,     -- the signed payment that the identifier belongs to
  reservation_id TEXT NOT NULL,       -- the same for every run of that payment
  state TEXT NOT NULL CHECK (state IN ('running', 'stored', 'paid')),
  lease TEXT NOT NULL,
  lease_until INTEGER NOT NULL,
  reservation TEXT,     -- JSON of a DeliveredHold, once stored
  receipt TEXT,         -- JSON of a SettleResponse, once paid
  status INTEGER,       -- NULL, like headers and body, if the answer was not stored
  headers TEXT,
  body BLOB,
  forget_after INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE unsettled_run (
  key TEXT PRIMARY KEY,        -- the authorization's digest
  started_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE sale (
  tx TEXT PRIMARY KEY,
  delivery_key TEXT NOT NULL,  -- the authorization's digest
  day INTEGER NOT NULL,        -- its first second; the same in all rows
  route TEXT NOT NULL,
  payment_id TEXT,      -- the buyer's payment identifier
  status TEXT NOT NULL CHECK (status IN ('delivered', 'owed', 'pending')),
  payer TEXT NOT NULL,
  amount TEXT NOT NULL,
  refund TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE refund (
  key TEXT PRIMARY KEY,        -- the authorization's digest
  terms TEXT NOT NULL,  -- JSON of RefundTerms
  is_paid INTEGER NOT NULL,    -- 0: whether the money moved was not known
  state TEXT NOT NULL CHECK (state IN ('due', 'signed', 'made', 'owed')),
  signed TEXT,
  code TEXT,
  told TEXT,
  tries INTEGER NOT NULL,
  next_at INTEGER,
  began_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE schema_version (version INTEGER NOT NULL) STRICT;
INSERT INTO schema_version VALUES (4);
INSERT INTO delivery VALUES ('4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e', '5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d', 0, '{"state":"paid","receipt":{"success":true,"transaction":"3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f","network":"logos:lez-testnet","payer":"8fFXLcUyUd2Yf9pHsJSWyfSGtKeBzVw8tKWKZJ8wqvfh","amount":"10000"}}', 2000003600);
INSERT INTO sale VALUES ('3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f', '4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e', 1999987200, 'GET /archive', NULL, 'owed', '8fFXLcUyUd2Yf9pHsJSWyfSGtKeBzVw8tKWKZJ8wqvfh', '10000', '{"state":"due"}');

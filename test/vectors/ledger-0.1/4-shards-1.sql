CREATE TABLE account (
  id TEXT PRIMARY KEY,
  balance TEXT NOT NULL,
  held TEXT NOT NULL,             -- the part of balance that open holds have claimed
  journal_seq INTEGER NOT NULL,
  journal_head TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE acknowledged (
  to_shard INTEGER PRIMARY KEY,
  number INTEGER NOT NULL,
  head TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE checkpoint (
  account TEXT PRIMARY KEY,
  seq INTEGER NOT NULL,
  base_seq INTEGER NOT NULL DEFAULT 0,
  base_hash TEXT,
  base_balance TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE clock (last INTEGER NOT NULL) STRICT;
CREATE TABLE faucet (
  account TEXT PRIMARY KEY,
  granted TEXT NOT NULL,
  since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE faucet_grant (
  id TEXT PRIMARY KEY,
  authorization_digest TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE genesis (
  ledger TEXT NOT NULL,
  treasury TEXT NOT NULL,
  supply TEXT NOT NULL,
  shard INTEGER NOT NULL,
  shards INTEGER NOT NULL
) STRICT;
CREATE TABLE halt (reason TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
CREATE TABLE journal (
  account TEXT NOT NULL,
  seq INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('genesis', 'debit', 'credit', 'batch')),
  counterparty TEXT,
  value TEXT NOT NULL,
  balance_after TEXT NOT NULL,
  authorization_digest TEXT,
  request_digest TEXT,
  tx TEXT,
  batch TEXT,                     -- JSON: where the money of a batch came from, and its transactions
  at INTEGER NOT NULL,
  prev_hash TEXT NOT NULL,
  hash TEXT NOT NULL,
  PRIMARY KEY (account, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE outbox (
  to_shard INTEGER NOT NULL,
  number INTEGER NOT NULL,        -- 1, 2, 3 … per shard, without gaps
  payee TEXT NOT NULL,
  value TEXT NOT NULL,
  tx TEXT NOT NULL,
  PRIMARY KEY (to_shard, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE payment (
  payer TEXT NOT NULL,
  nonce TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('held', 'settled', 'cancelled')),
  authorization_digest TEXT,      -- absent when a nonce was cancelled before any payment was seen
  payee TEXT,
  value TEXT,
  valid_before INTEGER NOT NULL,
  request_digest TEXT,
  holder TEXT,                    -- the reservation or settlement id that owns this row
  fingerprint TEXT,               -- the request that is being served under the hold: for whoever reads the book, no rule looks at it
  held_until INTEGER,
  dead_line INTEGER NOT NULL,     -- after it a hold can no longer be captured
  tx TEXT,
  PRIMARY KEY (payer, nonce)
) STRICT, WITHOUT ROWID;
CREATE TABLE received (
  from_shard INTEGER PRIMARY KEY,
  number INTEGER NOT NULL,
  head TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE schema_version (version INTEGER NOT NULL) STRICT;
CREATE TABLE sweep (payer TEXT NOT NULL, nonce TEXT NOT NULL) STRICT;
CREATE INDEX payment_held ON payment (dead_line) WHERE state = 'held';
INSERT INTO account VALUES ('8qbHbw2BbbTHBW1sbeqakYXVKRQM8Ne7pLK7m6CVfeR', '18', '0', 1, '731b2715c21bbe6885073587d8e462998459300dfea620d63766f6d670d5f99b');
INSERT INTO clock VALUES (1996457600);
INSERT INTO genesis VALUES ('0606060606060606060606060606060606060606060606060606060606060606', 'QWmroo4YnnMqYW3cnxWkFdaTxGD3P7vMSzwMHGbUzwF', '1000000', 1, 4);
INSERT INTO journal VALUES ('8qbHbw2BbbTHBW1sbeqakYXVKRQM8Ne7pLK7m6CVfeR', 1, 'batch', NULL, '18', '18', NULL, NULL, NULL, '{"batch":{"fromShard":"3","first":"1","last":"1","count":"1","transactions":"2206892f3334488b4f626ea0d9112e9b2c9b693db7e1ac6b7749356f449a0b62"},"transactions":["5b757be4c33cb4a61e365440ad6a781c0b9d2b273c5e286373ff46e8d692a12a"]}', 1999999940, '0606060606060606060606060606060606060606060606060606060606060606', '731b2715c21bbe6885073587d8e462998459300dfea620d63766f6d670d5f99b');
INSERT INTO received VALUES (3, 1, '24d5faeb44cd627bd0d0a052f05b9eeb65a5b1342308e8cb7e031e6ecb0173fc');
INSERT INTO schema_version VALUES (2);

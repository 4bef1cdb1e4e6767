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
INSERT INTO account VALUES ('QWmroo4YnnMqYW3cnxWkFdaTxGD3P7vMSzwMHGbUzwF', '990000', '0', 2, 'f36b985f53e4f82c34e1bb8fcc4943c0cd4e8fa850bb3b88aa8f8cac33bd31c1');
INSERT INTO acknowledged VALUES (3, 1, '75383ad1cef1b6560f8e3acab5b64224a04649d19c7383572387a0351fc67d0c');
INSERT INTO clock VALUES (1996457600);
INSERT INTO faucet VALUES ('4vJ9JU1bJJE96FWSJKvHsmmFADCg4gpZQff4P3bkLKi', '10000', 1996544000);
INSERT INTO faucet_grant VALUES ('0000000000000000000000000000000000000000000000000000000000000001', 'af905fb165a24fa975a101f3804c48f04deac8a7ee22d76f75b82eac63453aa1');
INSERT INTO genesis VALUES ('0606060606060606060606060606060606060606060606060606060606060606', 'QWmroo4YnnMqYW3cnxWkFdaTxGD3P7vMSzwMHGbUzwF', '1000000', 0, 4);
INSERT INTO journal VALUES ('QWmroo4YnnMqYW3cnxWkFdaTxGD3P7vMSzwMHGbUzwF', 1, 'genesis', 'QWmroo4YnnMqYW3cnxWkFdaTxGD3P7vMSzwMHGbUzwF', '1000000', '1000000', NULL, NULL, '31de5fa8b6ec85d8007d476f1caa41473b5b802ed01fbb0a1a10304afc917f95', NULL, 1996457600, '0606060606060606060606060606060606060606060606060606060606060606', 'bdad6e574497c217ff9a1f9e8c91dfeb3db90e6c421bcf7fc44a52ae07eccfd8');
INSERT INTO journal VALUES ('QWmroo4YnnMqYW3cnxWkFdaTxGD3P7vMSzwMHGbUzwF', 2, 'debit', '4vJ9JU1bJJE96FWSJKvHsmmFADCg4gpZQff4P3bkLKi', '10000', '990000', 'af905fb165a24fa975a101f3804c48f04deac8a7ee22d76f75b82eac63453aa1', NULL, 'aac78c7908fa04d10e5d9a72a9defdc90b9212f3253608dbf3960b32c6f58618', NULL, 1996544000, 'bdad6e574497c217ff9a1f9e8c91dfeb3db90e6c421bcf7fc44a52ae07eccfd8', 'f36b985f53e4f82c34e1bb8fcc4943c0cd4e8fa850bb3b88aa8f8cac33bd31c1');
INSERT INTO payment VALUES ('QWmroo4YnnMqYW3cnxWkFdaTxGD3P7vMSzwMHGbUzwF', '0000000000000000000000000000000000000000000000000000000000000001', 'settled', 'af905fb165a24fa975a101f3804c48f04deac8a7ee22d76f75b82eac63453aa1', '4vJ9JU1bJJE96FWSJKvHsmmFADCg4gpZQff4P3bkLKi', '10000', 1996544000, NULL, '0000000000000000000000000000000000000000000000000000000000000001', NULL, NULL, 1996544000, 'aac78c7908fa04d10e5d9a72a9defdc90b9212f3253608dbf3960b32c6f58618');
INSERT INTO schema_version VALUES (2);

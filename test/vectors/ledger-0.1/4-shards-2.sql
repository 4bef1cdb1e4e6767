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
INSERT INTO account VALUES ('CktRuQ2mttgRGkXJtyksdKHjUdc2C4TgDzyB98oEzy8', '31', '0', 1, '5bc009c8c0ba8714d7ffe814ae4066cc617ab91b9be0f42ff531c37d19875ffe');
INSERT INTO clock VALUES (1996457600);
INSERT INTO genesis VALUES ('0606060606060606060606060606060606060606060606060606060606060606', 'QWmroo4YnnMqYW3cnxWkFdaTxGD3P7vMSzwMHGbUzwF', '1000000', 2, 4);
INSERT INTO journal VALUES ('CktRuQ2mttgRGkXJtyksdKHjUdc2C4TgDzyB98oEzy8', 1, 'batch', NULL, '31', '31', NULL, NULL, NULL, '{"batch":{"fromShard":"3","first":"1","last":"2","count":"2","transactions":"344fa6ae0b1827161aa0aa5c9b356d95c4061edcd7010a8e78efabf4c580a4f3"},"transactions":["e14804c0afd9a2db01e5352a280a7bfa91d1cdb2f7f1e2135e6dc8caecb2a292","d7933f180a918f2db8419013f2b774480035fae27c0f4d8e705a3341b863cab0"]}', 1999999930, '0606060606060606060606060606060606060606060606060606060606060606', '5bc009c8c0ba8714d7ffe814ae4066cc617ab91b9be0f42ff531c37d19875ffe');
INSERT INTO received VALUES (3, 2, '4150c224d3445964f623997473a6dfd9d98566c62d10241ddd567ef74dfd03d3');
INSERT INTO schema_version VALUES (2);

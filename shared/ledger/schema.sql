-- The ledger's schema 15. Written by schema.test.ts.

CREATE TABLE account (
  id TEXT PRIMARY KEY,
  balance TEXT NOT NULL,
  held TEXT NOT NULL,             -- the part of the balance that open holds claim
  journal_seq INTEGER NOT NULL,
  journal_head TEXT NOT NULL
, accesses_void_through INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;

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

CREATE TABLE clock (last INTEGER NOT NULL, final INTEGER NOT NULL DEFAULT 0) STRICT;

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
  batch TEXT,                     -- JSON: the origin of a batch, and its transactions
  at INTEGER NOT NULL,
  prev_hash TEXT NOT NULL,
  hash TEXT NOT NULL, mandate TEXT, cause TEXT, refund_of TEXT, credits TEXT, session TEXT,
  PRIMARY KEY (account, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE mandate (
  number INTEGER PRIMARY KEY,
  payer TEXT NOT NULL,
  digest TEXT NOT NULL,
  revoked_at INTEGER,
  capture_deadline INTEGER NOT NULL, -- the last second in which a payment under it can be captured
  facts TEXT,                     -- JSON: its limits; NULL if it was revoked before its first claim
  UNIQUE (payer, digest)
) STRICT;

CREATE INDEX mandate_deadline ON mandate (capture_deadline);

CREATE TABLE mandate_use (
  mandate INTEGER PRIMARY KEY,    -- its number
  settled TEXT NOT NULL,          -- atomic units that were paid under it
  claimed TEXT NOT NULL,          -- atomic units that open holds claim
  window INTEGER NOT NULL,        -- the number of the period that the next two columns count in
  window_used TEXT NOT NULL,
  window_count INTEGER NOT NULL
) STRICT;

CREATE TABLE origin (ledger TEXT NOT NULL, export TEXT NOT NULL, complete INTEGER NOT NULL) STRICT;

CREATE TABLE outbox (
  to_shard INTEGER NOT NULL,
  number INTEGER NOT NULL,        -- 1, 2, 3 … per shard, without gaps
  payee TEXT NOT NULL,
  value TEXT NOT NULL,
  tx TEXT NOT NULL, payer TEXT, kind TEXT, refund_of TEXT, session TEXT,
  PRIMARY KEY (to_shard, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE panic (
  payer TEXT PRIMARY KEY,
  before INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE payment (
  payer TEXT NOT NULL,
  nonce TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('held', 'settled', 'cancelled')),
  authorization_digest TEXT,      -- NULL if the nonce was cancelled before its payment was presented
  payee TEXT,
  value TEXT,
  valid_before INTEGER NOT NULL,
  request_digest TEXT,
  holder TEXT,                    -- the reservation or settlement id that owns this row
  held_until INTEGER,
  capture_deadline INTEGER NOT NULL,     -- the last second in which a hold can be captured
  tx TEXT, mandate TEXT, mandate_window INTEGER, restored INTEGER, scheme TEXT, charged TEXT, session TEXT,
  PRIMARY KEY (payer, nonce)
) STRICT, WITHOUT ROWID;

CREATE INDEX payment_held ON payment (capture_deadline) WHERE state = 'held';

CREATE INDEX payment_cancelled ON payment (payer) WHERE state = 'cancelled' AND session IS NULL;

CREATE TABLE received (
  from_shard INTEGER PRIMARY KEY,
  number INTEGER NOT NULL,
  head TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE refund (
  payee TEXT NOT NULL,
  seq INTEGER NOT NULL,
  id TEXT NOT NULL,
  refund_digest TEXT NOT NULL,
  tx TEXT NOT NULL,
  refund_of TEXT NOT NULL,        -- the refunded payment's transaction
  entry INTEGER NOT NULL,         -- the number of its credit
  payer TEXT NOT NULL,
  value TEXT NOT NULL,
  sum TEXT NOT NULL,              -- what was refunded of the payment with this refund and those before it
  mandate TEXT,
  mandate_window INTEGER,
  at INTEGER NOT NULL, signed TEXT,
  PRIMARY KEY (payee, seq)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX refund_id ON refund (payee, id);

CREATE INDEX refund_payment ON refund (payee, refund_of);

CREATE TABLE retired (at INTEGER NOT NULL) STRICT;

CREATE TABLE schema_version (version INTEGER NOT NULL) STRICT;

CREATE TABLE session (
  payer TEXT NOT NULL,
  id TEXT NOT NULL,
  nonce TEXT NOT NULL,
  config TEXT NOT NULL,           -- the canonical text of the Session
  payee TEXT NOT NULL,
  signer TEXT NOT NULL,
  receiver TEXT NOT NULL,
  deposit TEXT NOT NULL,
  claimed TEXT NOT NULL,          -- atomic units that were paid to the payee
  state TEXT NOT NULL CHECK (state IN ('open', 'closing', 'closed')),
  opened_at INTEGER NOT NULL,
  valid_after INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,    -- the last second of vouchers
  withdraw_delay INTEGER NOT NULL,
  claim_deadline INTEGER NOT NULL,     -- the last second in which anything is paid out of it
  ends_at INTEGER NOT NULL,       -- the same or, when it is closing, an earlier one; when it was closed
  withdraw_requested_at INTEGER,
  mandate TEXT,
  mandate_window INTEGER,
  request_digest TEXT,
  lanes INTEGER NOT NULL,         -- how many there are
  claims INTEGER NOT NULL,        -- how many were paid
  final_claim TEXT,               -- the digest of the claim that closed it
  PRIMARY KEY (payer, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX session_end ON session (ends_at) WHERE state <> 'closed';

CREATE INDEX session_kept ON session (claim_deadline) WHERE state = 'closed';

CREATE INDEX session_mandate ON session (payer, mandate) WHERE state <> 'closed';

CREATE TABLE session_claim (
  payer TEXT NOT NULL,
  session TEXT NOT NULL,
  number INTEGER NOT NULL,        -- 1, 2, 3 … in its session
  claim_digest TEXT NOT NULL,
  tx TEXT NOT NULL,
  seq INTEGER NOT NULL,           -- the number of its debit in the payer's journal
  value TEXT NOT NULL,
  at INTEGER NOT NULL, signed TEXT,
  PRIMARY KEY (payer, session, number)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX session_claim_digest ON session_claim (payer, session, claim_digest);

CREATE TABLE session_lane (
  payer TEXT NOT NULL,
  session TEXT NOT NULL,
  lane TEXT NOT NULL,
  claimed TEXT NOT NULL,          -- all that was claimed of it; it only grows
  claim INTEGER NOT NULL,         -- the number of the claim that paid the last of it
  PRIMARY KEY (payer, session, lane)
) STRICT, WITHOUT ROWID;

CREATE TABLE sweep (payer TEXT NOT NULL, nonce TEXT NOT NULL) STRICT;

/**
 * The ledger's tables.
 *
 * Amounts are decimal TEXT because LEZ's are u128 and SQLite integers are not exact past 2^53 in JavaScript.
 * WITHOUT ROWID because a keyed insert then writes one row, not two, and rows written are what a payment costs.
 */
import type { LedgerStore } from "./store.ts";

export const SCHEMA_VERSION = 2;

const TABLES = `
CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL) STRICT;

-- One row, written once: which ledger this is, and which of its shards.
CREATE TABLE IF NOT EXISTS genesis (
  ledger TEXT NOT NULL,
  treasury TEXT NOT NULL,
  supply TEXT NOT NULL,
  shard INTEGER NOT NULL,
  shards INTEGER NOT NULL
) STRICT;

-- One row: the latest time on which an answer that can never be taken back was based.
CREATE TABLE IF NOT EXISTS clock (last INTEGER NOT NULL) STRICT;

CREATE TABLE IF NOT EXISTS account (
  id TEXT PRIMARY KEY,
  balance TEXT NOT NULL,
  held TEXT NOT NULL,             -- the part of balance that open holds have claimed
  journal_seq INTEGER NOT NULL,
  journal_head TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS payment (
  payer TEXT NOT NULL,
  nonce TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('held', 'settled', 'cancelled')),
  authorization_digest TEXT,      -- absent when a nonce was cancelled before any payment was seen
  payee TEXT,
  value TEXT,
  valid_before INTEGER NOT NULL,
  request_digest TEXT,
  holder TEXT,                    -- the reservation or settlement id that owns this row
  fingerprint TEXT,               -- unused: no code writes or reads it
  held_until INTEGER,
  dead_line INTEGER NOT NULL,     -- after it a hold can no longer be captured
  tx TEXT,
  PRIMARY KEY (payer, nonce)
) STRICT, WITHOUT ROWID;

-- Open holds by the time they free themselves. Partial: a payment that is settled at once never enters it.
CREATE INDEX IF NOT EXISTS payment_held ON payment (dead_line) WHERE state = 'held';

-- How far the sweep for forgotten payments has come.
CREATE TABLE IF NOT EXISTS sweep (payer TEXT NOT NULL, nonce TEXT NOT NULL) STRICT;

CREATE TABLE IF NOT EXISTS journal (
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

CREATE TABLE IF NOT EXISTS faucet (
  account TEXT PRIMARY KEY,
  granted TEXT NOT NULL,
  since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Grants that were paid, for ever: their payments are forgotten after a day, and a grant pays once.
CREATE TABLE IF NOT EXISTS faucet_grant (
  id TEXT PRIMARY KEY,
  authorization_digest TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- How far each account's journal was exported, and the last entry that was pruned since.
CREATE TABLE IF NOT EXISTS checkpoint (
  account TEXT PRIMARY KEY,
  seq INTEGER NOT NULL,
  base_seq INTEGER NOT NULL DEFAULT 0,
  base_hash TEXT,
  base_balance TEXT
) STRICT, WITHOUT ROWID;

-- Money on its way to accounts of other shards.
CREATE TABLE IF NOT EXISTS outbox (
  to_shard INTEGER NOT NULL,
  number INTEGER NOT NULL,        -- 1, 2, 3 … per shard, without gaps
  payee TEXT NOT NULL,
  value TEXT NOT NULL,
  tx TEXT NOT NULL,
  PRIMARY KEY (to_shard, number)
) STRICT, WITHOUT ROWID;

-- How much of it each shard is known to have, and the head of the stream there.
CREATE TABLE IF NOT EXISTS acknowledged (
  to_shard INTEGER PRIMARY KEY,
  number INTEGER NOT NULL,
  head TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- How much of what each shard sent has been applied here, and the head of the stream there.
CREATE TABLE IF NOT EXISTS received (
  from_shard INTEGER PRIMARY KEY,
  number INTEGER NOT NULL,
  head TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- One row once this shard has seen that it or another one was set back to an earlier state. Nothing moves any more.
CREATE TABLE IF NOT EXISTS halt (reason TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
`;

/** Creates what is missing. Refuses a database of another version instead of guessing. */
export function createSchema(store: LedgerStore): void {
  for (const statement of TABLES.split(/;\n/)) if (statement.trim()) store.sql(statement);
  const [row] = store.sql("SELECT version FROM schema_version");
  if (!row) store.sql("INSERT INTO schema_version (version) VALUES (?)", SCHEMA_VERSION);
  else if (row["version"] !== SCHEMA_VERSION) throw new Error(`ledger schema ${row["version"]}, this code speaks ${SCHEMA_VERSION}`);
}

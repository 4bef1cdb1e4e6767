/**
 * The ledger's tables, one step per version of the schema. shared/ledger/schema.sql shows the tables that the steps add up to.
 *
 * Amounts are decimal TEXT: they are u128, and JavaScript reads SQLite integers exactly only up to 2^53.
 * Keyed tables are WITHOUT ROWID: an insert then writes one row instead of two, and rows written are what a payment costs.
 */

import type { MigrationStep } from "../migrations.ts";

/** To change the schema, append a step. The first one is the schema that version 0.1 released. */
export const LEDGER_SCHEMA: readonly MigrationStep[] = [
  {
    version: 2,
    statements: [
      // One row, written once: the ledger, and which of its shards this is.
      `CREATE TABLE genesis (
         ledger TEXT NOT NULL,
         treasury TEXT NOT NULL,
         supply TEXT NOT NULL,
         shard INTEGER NOT NULL,
         shards INTEGER NOT NULL
       ) STRICT`,
      // One row: the latest time on which an irrevocable answer was based.
      `CREATE TABLE clock (last INTEGER NOT NULL) STRICT`,
      `CREATE TABLE account (
         id TEXT PRIMARY KEY,
         balance TEXT NOT NULL,
         held TEXT NOT NULL,             -- the part of the balance that open holds claim
         journal_seq INTEGER NOT NULL,
         journal_head TEXT NOT NULL
       ) STRICT, WITHOUT ROWID`,
      `CREATE TABLE payment (
         payer TEXT NOT NULL,
         nonce TEXT NOT NULL,
         state TEXT NOT NULL CHECK (state IN ('held', 'settled', 'cancelled')),
         authorization_digest TEXT,      -- NULL if the nonce was cancelled before its payment was presented
         payee TEXT,
         value TEXT,
         valid_before INTEGER NOT NULL,
         request_digest TEXT,
         holder TEXT,                    -- the reservation or settlement id that owns this row
         fingerprint TEXT,               -- the request that the hold serves
         held_until INTEGER,
         dead_line INTEGER NOT NULL,     -- the last second in which a hold can be captured
         tx TEXT,
         PRIMARY KEY (payer, nonce)
       ) STRICT, WITHOUT ROWID`,
      // Partial: a payment that settles without a hold costs no index row.
      `CREATE INDEX payment_held ON payment (dead_line) WHERE state = 'held'`,
      // The cursor of the sweep that deletes old payments: one row while a round is under way.
      `CREATE TABLE sweep (payer TEXT NOT NULL, nonce TEXT NOT NULL) STRICT`,
      `CREATE TABLE journal (
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
         hash TEXT NOT NULL,
         PRIMARY KEY (account, seq)
       ) STRICT, WITHOUT ROWID`,
      `CREATE TABLE faucet (
         account TEXT PRIMARY KEY,
         granted TEXT NOT NULL,
         since INTEGER NOT NULL
       ) STRICT, WITHOUT ROWID`,
      // Kept forever: a grant pays once, and its payment row is deleted after a day.
      `CREATE TABLE faucet_grant (
         id TEXT PRIMARY KEY,
         authorization_digest TEXT NOT NULL
       ) STRICT, WITHOUT ROWID`,
      // Up to which entry each account's journal was exported, and the last entry that was pruned (base).
      `CREATE TABLE checkpoint (
         account TEXT PRIMARY KEY,
         seq INTEGER NOT NULL,
         base_seq INTEGER NOT NULL DEFAULT 0,
         base_hash TEXT,
         base_balance TEXT
       ) STRICT, WITHOUT ROWID`,
      // Credits for accounts of other shards that are not acknowledged yet.
      `CREATE TABLE outbox (
         to_shard INTEGER NOT NULL,
         number INTEGER NOT NULL,        -- 1, 2, 3 … per shard, without gaps
         payee TEXT NOT NULL,
         value TEXT NOT NULL,
         tx TEXT NOT NULL,
         PRIMARY KEY (to_shard, number)
       ) STRICT, WITHOUT ROWID`,
      // The last credit that each shard has acknowledged, and the head of the stream after it.
      `CREATE TABLE acknowledged (
         to_shard INTEGER PRIMARY KEY,
         number INTEGER NOT NULL,
         head TEXT NOT NULL
       ) STRICT, WITHOUT ROWID`,
      // The last credit of each shard that was applied here, and the head of the stream after it.
      `CREATE TABLE received (
         from_shard INTEGER PRIMARY KEY,
         number INTEGER NOT NULL,
         head TEXT NOT NULL
       ) STRICT, WITHOUT ROWID`,
      // One row after this shard has found that it, or another shard, was restored to an earlier state: it moves no money.
      `CREATE TABLE halt (reason TEXT NOT NULL, at INTEGER NOT NULL) STRICT`,
    ],
  },
  {
    version: 3,
    statements: [
      "ALTER TABLE payment RENAME COLUMN dead_line TO capture_deadline",
      // Rewrites every row, in one pass.
      "ALTER TABLE payment DROP COLUMN fingerprint",
    ],
  },
  {
    version: 4,
    statements: [
      // Partial: counts a payer's cancelled nonces, and costs no other payment an index row.
      "CREATE INDEX payment_cancelled ON payment (payer) WHERE state = 'cancelled'",
    ],
  },
  {
    version: 5,
    statements: [
      // The latest time at which something was refused or forgotten forever. `last` can be later, without anything final.
      "ALTER TABLE clock ADD COLUMN final INTEGER NOT NULL DEFAULT 0",
      "UPDATE clock SET final = last",
    ],
  },
  {
    version: 6,
    statements: [
      // Accesses to the account's books that were issued up to this second are void. Not a table: an account without a row stores nothing.
      "ALTER TABLE account ADD COLUMN accesses_void_through INTEGER NOT NULL DEFAULT 0",
    ],
  },
  {
    version: 7,
    statements: [
      // What each mandate has spent and holds. A row is made by the first claim or by a revocation.
      `CREATE TABLE mandate (
         payer TEXT NOT NULL,
         digest TEXT NOT NULL,
         settled TEXT NOT NULL,          -- atomic units that were paid under it
         claimed TEXT NOT NULL,          -- atomic units that open holds claim
         window INTEGER NOT NULL,        -- the number of the period that the next two columns count in
         window_used TEXT NOT NULL,
         window_count INTEGER NOT NULL,
         revoked_at INTEGER,
         capture_deadline INTEGER NOT NULL, -- the last second in which a payment under it can be captured
         facts TEXT,                     -- JSON: its limits; NULL if it was revoked before its first claim
         PRIMARY KEY (payer, digest)
       ) STRICT, WITHOUT ROWID`,
      "CREATE INDEX mandate_deadline ON mandate (capture_deadline)",
      // Up to when each payer has revoked everything that it signed.
      `CREATE TABLE panic (
         payer TEXT PRIMARY KEY,
         before INTEGER NOT NULL
       ) STRICT, WITHOUT ROWID`,
      "ALTER TABLE payment ADD COLUMN mandate TEXT",
      "ALTER TABLE payment ADD COLUMN mandate_window INTEGER",
      "ALTER TABLE journal ADD COLUMN mandate TEXT",
    ],
  },
  {
    version: 8,
    statements: [
      // One row in a ledger that is restored from the export of another one. complete is 0 until all of it is there.
      "CREATE TABLE origin (ledger TEXT NOT NULL, export TEXT NOT NULL, complete INTEGER NOT NULL) STRICT",
      // One row after the operator has retired the ledger.
      "CREATE TABLE retired (at INTEGER NOT NULL) STRICT",
      // 1 for a nonce that another ledger has used: no journal of this one has its debit.
      "ALTER TABLE payment ADD COLUMN restored INTEGER",
    ],
  },
  {
    version: 9,
    statements: [
      // NULL for exact.
      "ALTER TABLE payment ADD COLUMN scheme TEXT",
      // What a settled payment of upto was charged, 0 to value; NULL for all of value.
      "ALTER TABLE payment ADD COLUMN charged TEXT",
    ],
  },
  {
    version: 10,
    statements: [
      // NULL for a payment.
      "ALTER TABLE journal ADD COLUMN cause TEXT",
      "ALTER TABLE journal ADD COLUMN refund_of TEXT",
      // JSON: who paid each transaction of a batch. A table of them would cost a payment another row.
      "ALTER TABLE journal ADD COLUMN credits TEXT",
      // NULL in credits that an earlier version queued: the heads of their streams do without.
      "ALTER TABLE outbox ADD COLUMN payer TEXT",
      "ALTER TABLE outbox ADD COLUMN kind TEXT",
      "ALTER TABLE outbox ADD COLUMN refund_of TEXT",
    ],
  },
  {
    version: 11,
    statements: [
      // One row per refund, with the number of its debit. Only refunds cost it: payments write nothing here.
      `CREATE TABLE refund (
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
         at INTEGER NOT NULL,
         PRIMARY KEY (payee, seq)
       ) STRICT, WITHOUT ROWID`,
      "CREATE UNIQUE INDEX refund_id ON refund (payee, id)",
      "CREATE INDEX refund_payment ON refund (payee, refund_of)",
    ],
  },
  {
    version: 12,
    statements: [
      // What every payment under a mandate changes, apart from what only a revocation does: its rows are a tenth as large.
      `CREATE TABLE mandate_use (
         mandate INTEGER PRIMARY KEY,    -- its number
         settled TEXT NOT NULL,          -- atomic units that were paid under it
         claimed TEXT NOT NULL,          -- atomic units that open holds claim
         window INTEGER NOT NULL,        -- the number of the period that the next two columns count in
         window_used TEXT NOT NULL,
         window_count INTEGER NOT NULL
       ) STRICT`,
      "ALTER TABLE mandate RENAME TO mandate_11",
      `CREATE TABLE mandate (
         number INTEGER PRIMARY KEY,
         payer TEXT NOT NULL,
         digest TEXT NOT NULL,
         revoked_at INTEGER,
         capture_deadline INTEGER NOT NULL, -- the last second in which a payment under it can be captured
         facts TEXT,                     -- JSON: its limits; NULL if it was revoked before its first claim
         UNIQUE (payer, digest)
       ) STRICT`,
      `INSERT INTO mandate (payer, digest, revoked_at, capture_deadline, facts)
         SELECT payer, digest, revoked_at, capture_deadline, facts FROM mandate_11`,
      `INSERT INTO mandate_use (mandate, settled, claimed, window, window_used, window_count)
         SELECT number, settled, claimed, window, window_used, window_count FROM mandate JOIN mandate_11 USING (payer, digest)`,
      "DROP TABLE mandate_11",
      "CREATE INDEX mandate_deadline ON mandate (capture_deadline)",
    ],
  },
  {
    version: 13,
    statements: [
      // JSON: the refund as its payee signed it, for evidence. NULL for refunds that an earlier version made.
      "ALTER TABLE refund ADD COLUMN signed TEXT",
    ],
  },
  {
    version: 14,
    statements: [
      // Money that a payer has set aside for one payee. Only sessions cost these rows: a payment writes nothing here.
      `CREATE TABLE session (
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
       ) STRICT, WITHOUT ROWID`,
      "CREATE INDEX session_end ON session (ends_at) WHERE state <> 'closed'",
      "CREATE INDEX session_kept ON session (claim_deadline) WHERE state = 'closed'",
      "CREATE INDEX session_mandate ON session (payer, mandate) WHERE state <> 'closed'",
      `CREATE TABLE session_lane (
         payer TEXT NOT NULL,
         session TEXT NOT NULL,
         lane TEXT NOT NULL,
         claimed TEXT NOT NULL,          -- all that was claimed of it; it only grows
         claim INTEGER NOT NULL,         -- the number of the claim that paid the last of it
         PRIMARY KEY (payer, session, lane)
       ) STRICT, WITHOUT ROWID`,
      `CREATE TABLE session_claim (
         payer TEXT NOT NULL,
         session TEXT NOT NULL,
         number INTEGER NOT NULL,        -- 1, 2, 3 … in its session
         claim_digest TEXT NOT NULL,
         tx TEXT NOT NULL,
         seq INTEGER NOT NULL,           -- the number of its debit in the payer's journal
         value TEXT NOT NULL,
         at INTEGER NOT NULL,
         PRIMARY KEY (payer, session, number)
       ) STRICT, WITHOUT ROWID`,
      "CREATE UNIQUE INDEX session_claim_digest ON session_claim (payer, session, claim_digest)",
      // The session that a nonce opened; the state of such a row is cancelled: no payment has its nonce. One look-up finds either.
      "ALTER TABLE payment ADD COLUMN session TEXT",
      "DROP INDEX payment_cancelled",
      "CREATE INDEX payment_cancelled ON payment (payer) WHERE state = 'cancelled' AND session IS NULL",
      // The session that an entry was claimed from.
      "ALTER TABLE journal ADD COLUMN session TEXT",
      "ALTER TABLE outbox ADD COLUMN session TEXT",
    ],
  },
  {
    version: 15,
    statements: [
      // JSON: the claim as its payee signed it, for evidence. NULL for claims that an earlier version paid.
      "ALTER TABLE session_claim ADD COLUMN signed TEXT",
    ],
  },
];

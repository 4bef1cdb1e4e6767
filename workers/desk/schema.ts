/** The tables of a `Desk` object. To change them, append a step; never edit a released one. */

import { type MigratedStore, migrate, type MigrationStep } from "../../shared/migrations.ts";
import { NOTICE_TABLES, SIGNING_TABLES } from "./notices/tables.ts";

export const DESK_STEPS: readonly MigrationStep[] = [
  {
    version: 1,
    statements: [
      // Times are unix seconds; objects of the protocol are their JSON text.
      `CREATE TABLE setting (
         name TEXT PRIMARY KEY,
         value TEXT NOT NULL
       ) STRICT`,
      `CREATE TABLE agent (
         public_key TEXT PRIMARY KEY,
         name TEXT NOT NULL,                 -- the owner's
         paired_at INTEGER NOT NULL,
         last_call_at INTEGER,
         folded INTEGER NOT NULL,            -- requests that came too fast, and were refused
         folded_at INTEGER
       ) STRICT`,
      `CREATE TABLE login (
         token_sha256 TEXT PRIMARY KEY,      -- the token itself is in the browser's cookie alone
         expires_at INTEGER NOT NULL
       ) STRICT`,
      `CREATE TABLE used (
         nonce TEXT PRIMARY KEY,             -- with its kind in front
         until INTEGER NOT NULL
       ) STRICT`,
      `CREATE TABLE request (
         seq INTEGER PRIMARY KEY,            -- the order in which they came
         digest TEXT NOT NULL UNIQUE,
         agent_key TEXT NOT NULL,
         state TEXT NOT NULL,
         request TEXT NOT NULL,
         terms TEXT,                         -- the 402 as its agent received it
         asked_at INTEGER NOT NULL,
         expires_at INTEGER NOT NULL,        -- the last second in which it can be approved
         decided_at INTEGER,
         payment TEXT,                       -- what the owner approved
         valid_before INTEGER,               -- of the payment
         decision TEXT,                      -- of a no
         outcome TEXT,                       -- paid, refused: what the ledger said of the payment
         transaction_id TEXT,
         charged TEXT,                       -- of upto, in atomic units
         asked_ledger_at INTEGER,            -- when the ledger was asked last
         untold TEXT                         -- why the ledger does not know yet that it was revoked
       ) STRICT`,
      "CREATE INDEX request_by_state ON request (state, expires_at)",
      "CREATE INDEX request_by_agent ON request (agent_key, asked_at)",
      `CREATE TABLE part (
         request TEXT PRIMARY KEY,           -- its digest
         authorization TEXT NOT NULL,
         valid_after INTEGER NOT NULL,
         valid_before INTEGER NOT NULL,
         proofs TEXT NOT NULL                -- by the account of the key
       ) STRICT`,
      `CREATE TABLE mandate (
         seq INTEGER PRIMARY KEY,
         digest TEXT NOT NULL UNIQUE,
         agent_key TEXT NOT NULL,
         signed TEXT NOT NULL,
         granted_at INTEGER NOT NULL,
         valid_before INTEGER NOT NULL,
         revoked_at INTEGER
       ) STRICT`,
      "CREATE INDEX mandate_by_agent ON mandate (agent_key)",
      `CREATE TABLE event (
         seq INTEGER PRIMARY KEY,
         at INTEGER NOT NULL,
         event TEXT NOT NULL,
         facts TEXT NOT NULL                 -- JSON, strings alone
       ) STRICT`,
      `CREATE TABLE device (
         id TEXT PRIMARY KEY,                -- SHA-256 of its endpoint
         label TEXT NOT NULL,
         subscription TEXT NOT NULL,         -- endpoint and keys, as the browser gave them
         added_at INTEGER NOT NULL,
         problem TEXT                        -- of the last push
       ) STRICT`,
      `CREATE TABLE webhook (
         id TEXT PRIMARY KEY,
         format TEXT NOT NULL,
         url TEXT NOT NULL,
         added_at INTEGER NOT NULL,
         problem TEXT
       ) STRICT`,
    ],
  },
  { version: 2, statements: NOTICE_TABLES },
  {
    version: 3,
    // A part is of a payment or of a session: { authorization } or { session }.
    statements: [
      "ALTER TABLE part RENAME COLUMN authorization TO object",
      "UPDATE part SET object = json_object('authorization', json(object))",
    ],
  },
  {
    version: 4,
    statements: [
      `CREATE TABLE proposal (
         agent_key TEXT PRIMARY KEY,         -- one at a time
         digest TEXT NOT NULL,
         mandate TEXT NOT NULL,
         granted_at INTEGER NOT NULL,
         ends_at INTEGER NOT NULL,           -- the last second in which it can be completed
         proofs TEXT NOT NULL                -- by the account of the key
       ) STRICT`,
    ],
  },
  { version: 5, statements: SIGNING_TABLES },
  {
    version: 6,
    statements: [
      `CREATE TABLE receipt (
         request TEXT PRIMARY KEY,           -- its digest
         transaction_id TEXT NOT NULL,       -- that the merchant settled, by the agent's word
         signed TEXT,                        -- the merchant's signed receipt, if it signs any
         handed_in_at INTEGER NOT NULL
       ) STRICT`,
    ],
  },
];

/** False of an account that never signed in and has no agent: nothing is stored for it. */
export function hasTables(store: MigratedStore): boolean {
  return store.sql("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'").length > 0;
}

/** @throws {UnsupportedSchema} when newer code wrote the tables */
export function migrateDesk(store: MigratedStore): void {
  migrate(store, DESK_STEPS);
}

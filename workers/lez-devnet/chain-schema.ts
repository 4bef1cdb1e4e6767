/** The tables of a chain. Integers that may be u128 are decimal text. */

import type { MigrationStep } from "../../shared/migrations.ts";

/** To change a table, append a step; never edit a released one. */
export const CHAIN_SCHEMA: readonly MigrationStep[] = [
  {
    version: 1,
    statements: [
      `CREATE TABLE chain (
         one INTEGER PRIMARY KEY CHECK (one = 1),
         generation INTEGER NOT NULL,      -- how often the chain was reset
         final INTEGER NOT NULL,           -- the last block that cannot be orphaned; 0: none
         last_timestamp INTEGER NOT NULL,  -- of every block so far, orphaned ones too; unix milliseconds
         next_deposit INTEGER NOT NULL,
         market TEXT NOT NULL              -- JSON
       ) STRICT`,
      `CREATE TABLE block (
         id INTEGER PRIMARY KEY,
         hash TEXT NOT NULL,
         bytes TEXT NOT NULL,              -- base64, with its status
         market_before TEXT NOT NULL       -- JSON
       ) STRICT`,
      `CREATE TABLE included (              -- the first inclusion of each transaction
         id TEXT PRIMARY KEY,
         block INTEGER NOT NULL,
         wire TEXT NOT NULL                -- base64, with its tag
       ) STRICT`,
      "CREATE INDEX included_by_block ON included (block)",
      "CREATE TABLE account (id TEXT PRIMARY KEY, nonce TEXT NOT NULL, balance TEXT NOT NULL) STRICT",
      `CREATE TABLE account_before (        -- as an account was before a block that is not final
         block INTEGER NOT NULL,
         id TEXT NOT NULL,
         nonce TEXT NOT NULL,
         balance TEXT NOT NULL,
         PRIMARY KEY (block, id)
       ) STRICT`,
      "CREATE TABLE queue (seq INTEGER PRIMARY KEY AUTOINCREMENT, bytes INTEGER NOT NULL, wire TEXT NOT NULL) STRICT",
      `CREATE TABLE deposit (
         seq INTEGER PRIMARY KEY,
         account TEXT NOT NULL,
         amount TEXT NOT NULL,
         block INTEGER                     -- where it was issued; NULL: it waits
       ) STRICT`,
    ],
  },
];

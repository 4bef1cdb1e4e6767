/** The tables of a `Sessions` object. To change one, append a step; never edit a released one. */

import { migrate, type MigrationStep } from "../../../../shared/migrations.ts";

const STEPS: readonly MigrationStep[] = [
  {
    version: 1,
    statements: [
      `CREATE TABLE session (
         one INTEGER PRIMARY KEY CHECK (one = 1),
         config TEXT NOT NULL,               -- JSON of the Session
         standing TEXT NOT NULL,             -- JSON of what the ledger said last, if it changed anything
         closing INTEGER NOT NULL            -- 1: the client has asked for the rest of its money
       ) STRICT`,
      `CREATE TABLE own_lane (
         one INTEGER PRIMARY KEY CHECK (one = 1),
         spent TEXT NOT NULL,
         best TEXT,                          -- JSON of the SignedVoucher that covers it
         claimed TEXT NOT NULL,
         serial_ceiling INTEGER NOT NULL     -- no higher serial was accepted
       ) STRICT`,
      `CREATE TABLE lane (
         id TEXT PRIMARY KEY,
         most TEXT NOT NULL,                 -- its part of the deposit; once folded, what was reported
         spent TEXT NOT NULL,
         lease_until INTEGER NOT NULL,       -- milliseconds
         folded INTEGER NOT NULL,
         best TEXT,
         claimed TEXT NOT NULL
       ) STRICT, WITHOUT ROWID`,
    ],
  },
];

export function hasTables({ sql }: DurableObjectStorage): boolean {
  return sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'schema_version'").toArray().length > 0;
}

/** @throws {UnsupportedSchema} when newer code wrote the tables */
export function migrateSessions(storage: DurableObjectStorage): void {
  const sql = (statement: string, ...bindings: (string | number)[]) => storage.sql.exec(statement, ...bindings).toArray();
  migrate({ sql, transact: (body) => storage.transactionSync(body) }, STEPS);
}

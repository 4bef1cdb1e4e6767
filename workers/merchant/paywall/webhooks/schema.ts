/** The table of a `Webhooks` object. To change it, append a step; never edit a released one. */

import { migrate, type MigrationStep } from "../../../../shared/migrations.ts";

const STEPS: readonly MigrationStep[] = [
  {
    version: 1,
    statements: [
      `CREATE TABLE message (
         seq INTEGER PRIMARY KEY,            -- the order in which they came
         id TEXT NOT NULL UNIQUE,            -- webhook-id
         body TEXT NOT NULL,                 -- sent and signed as it stands
         queued_at INTEGER NOT NULL,         -- unix seconds, as the times below
         tries INTEGER NOT NULL,
         next_at INTEGER,                    -- NULL: given up
         problem TEXT                        -- of the last try
       ) STRICT`,
    ],
  },
];

export function hasTable({ sql }: DurableObjectStorage): boolean {
  return sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'schema_version'").toArray().length > 0;
}

/** @throws {UnsupportedSchema} when newer code wrote the table */
export function migrateWebhooks(storage: DurableObjectStorage): void {
  const sql = (statement: string, ...bindings: (string | number)[]) => storage.sql.exec(statement, ...bindings).toArray();
  migrate({ sql, transact: (body) => storage.transactionSync(body) }, STEPS);
}

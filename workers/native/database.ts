/** An object's database, as migrations and stores take it. */

import type { MigratedStore } from "../../shared/migrations.ts";

export function databaseOf(storage: DurableObjectStorage): MigratedStore {
  return {
    sql: (statement, ...bindings) => storage.sql.exec(statement, ...bindings).toArray(),
    transact: (body) => storage.transactionSync(body),
  };
}

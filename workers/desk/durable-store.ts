/** The storage of a `Desk` object as its database. */

import type { DeskStore } from "./store.ts";

export function durableStore(storage: DurableObjectStorage): DeskStore {
  return {
    sql: (statement, ...bindings) => storage.sql.exec(statement, ...bindings).toArray(),
    transact: (body) => storage.transactionSync(body),
    size: () => storage.sql.databaseSize,
  };
}

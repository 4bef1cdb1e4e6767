/** Durable Object SQLite as the store that the ledger's rules ask for. */
import type { LedgerStore, Row } from "../../shared/ledger/store.ts";

export function durableStore(storage: DurableObjectStorage): LedgerStore {
  return {
    sql: (statement, ...bindings) => storage.sql.exec(statement, ...bindings).toArray() as Row[],
    transact: (body) => storage.transactionSync(body),
  };
}

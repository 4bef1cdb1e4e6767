/** What a Durable Object keeps: SQLite as the store that the ledger's rules ask for, and the name it was called by. */
import type { LedgerStore, Row } from "../../shared/ledger/store.ts";

export function durableStore(storage: DurableObjectStorage): LedgerStore {
  return {
    sql: (statement, ...bindings) => storage.sql.exec(statement, ...bindings).toArray() as Row[],
    transact: (body) => storage.transactionSync(body),
  };
}

const NAME = "name";

/** The object's name, from which its shard follows. Written down: who is woken by an alarm is not called by any name. */
export function ownName({ id, storage }: DurableObjectState): string {
  const known = storage.kv.get<string>(NAME);
  if (known !== undefined) return known;
  if (id.name === undefined) throw new Error("a ledger object is reached by its name");
  storage.kv.put(NAME, id.name);
  return id.name;
}

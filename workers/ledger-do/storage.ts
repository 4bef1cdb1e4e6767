/** A Durable Object's storage: its SQLite as a LedgerStore, and the name of the object. */

import type { LedgerStore, Row } from "../../shared/ledger/store.ts";

export function durableStore(storage: DurableObjectStorage): LedgerStore {
  return {
    sql: (statement, ...bindings) => storage.sql.exec(statement, ...bindings).toArray() as Row[],
    transact: (body) => storage.transactionSync(body),
  };
}

const NAME = "name";

/** The object's name, which says its shard. It is stored, because an object that an alarm starts does not know its name. */
export function ownName({ id, storage }: DurableObjectState): string {
  const known = storage.kv.get<string>(NAME);
  if (known !== undefined) return known;
  if (id.name === undefined) throw new Error("a ledger object is reached by its name");
  storage.kv.put(NAME, id.name);
  return id.name;
}

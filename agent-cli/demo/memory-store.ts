/** A ledger store in memory, on node:sqlite. */

import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { LedgerStore, Row } from "../../shared/ledger/store.ts";

export function memoryStore(): LedgerStore {
  const database = new DatabaseSync(":memory:");
  const prepared = new Map<string, StatementSync>();
  let depth = 0;

  function prepare(sql: string): StatementSync {
    const known = prepared.get(sql);
    if (known) return known;
    const statement = database.prepare(sql);
    prepared.set(sql, statement);
    return statement;
  }

  return {
    sql: (statement, ...bindings) => prepare(statement).all(...bindings) as Row[],
    transact(body) {
      const savepoint = `nested_${depth}`; // the outermost savepoint is the transaction
      database.exec(`SAVEPOINT ${savepoint}`);
      depth++;
      try {
        const result = body();
        database.exec(`RELEASE ${savepoint}`);
        return result;
      } catch (error) {
        database.exec(`ROLLBACK TO ${savepoint}; RELEASE ${savepoint}`);
        throw error;
      } finally {
        depth--;
      }
    },
  };
}

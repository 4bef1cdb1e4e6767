/** A store that breaks, for tests of what is left then. */

import type { LedgerStore } from "../store.ts";

/** A store whose statements fail after so many. */
export function breakAfter(store: LedgerStore): LedgerStore & { allow(statements: number): void } {
  let left = Number.POSITIVE_INFINITY;
  return {
    transact: (body) => store.transact(body),
    sql(statement, ...bindings) {
      if (left-- <= 0) throw new Error("disk full");
      return store.sql(statement, ...bindings);
    },
    allow(statements) {
      left = statements;
    },
  };
}

/** Whether the event met the end of that store. */
export function failed(event: () => unknown): boolean {
  try {
    event();
    return false;
  } catch (error) {
    if (error instanceof Error && error.message === "disk full") return true;
    throw error;
  }
}

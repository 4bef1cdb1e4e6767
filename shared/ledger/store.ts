/** What the ledger's rules need of a database: Durable Object SQLite in the Worker, node:sqlite in tests and demos. */

export type SqlValue = string | number | null;
export type Row = Record<string, SqlValue>;

export interface LedgerStore {
  /** Runs one statement and returns all of its rows. */
  sql(statement: string, ...bindings: SqlValue[]): Row[];
  /** Runs `body` atomically: all of its writes, or none when it throws. Nests. */
  transact<T>(body: () => T): T;
}

/** The placeholders of an INSERT of several rows. The same text every time, since stores keep what they have compiled. */
export function rowsOf(rows: number, columns: number): string {
  return Array<string>(rows)
    .fill(`(${Array<string>(columns).fill("?").join(", ")})`)
    .join(", ");
}

/** Thrown when the ledger contradicts itself. It rolls back the transaction: no money moves on a broken book. */
export class InvariantViolation extends Error {
  override name = "InvariantViolation";
}

export function invariant(condition: boolean, what: string): asserts condition {
  if (!condition) throw new InvariantViolation(what);
}

/** The database under the ledger's rules: a Durable Object's SQLite in the Worker, node:sqlite in tests and demos. */

export type SqlValue = string | number | null;
export type Row = Record<string, SqlValue>;

export interface LedgerStore {
  /** Runs one statement and returns its rows. */
  sql(statement: string, ...bindings: SqlValue[]): Row[];
  /** Runs `body` atomically: all of its writes, or none when it throws. Nests. */
  transact<T>(body: () => T): T;
}

/**
 * An INSERT of any number of rows. Each number's text is made once, because stores find their compiled statement by its text.
 * @param statement returns the statement around the placeholders of the rows
 */
export function insertOf(columns: number, statement: (rows: string) => string): (rows: number) => string {
  const row = `(${Array<string>(columns).fill("?").join(", ")})`;
  const made = new Map<number, string>();
  return (rows) => {
    const known = made.get(rows) ?? statement(Array<string>(rows).fill(row).join(", "));
    made.set(rows, known);
    return known;
  };
}

/** The ledger contradicts itself. It rolls back the transaction: no money moves on a broken ledger. */
export class InvariantViolation extends Error {
  override name = "InvariantViolation";
}

export function invariant(condition: boolean, what: string): asserts condition {
  if (!condition) throw new InvariantViolation(what);
}

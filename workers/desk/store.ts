/** The database of a `Desk` object. */

export type SqlValue = string | number | null;

export interface DeskStore {
  /** Runs one statement and returns its rows. */
  sql(statement: string, ...bindings: SqlValue[]): Record<string, unknown>[];
  /** Runs `body` atomically: all of its writes, or none when it throws. */
  transact<T>(body: () => T): T;
  /** What is stored, in bytes. */
  size(): number;
}

/**
 * Brings a SQLite database to the schema of this code: one numbered step per version, each in one transaction with its
 * version number. A crash leaves the version before or the version after, never a mixture.
 *
 * To change a schema, append a step. Never edit a step that was released: databases exist that have run it.
 */

/** What a migration needs of a database: a Durable Object's storage in a Worker, node:sqlite in Node. */
export interface MigratedStore {
  /** Runs one statement and returns its rows. */
  sql(statement: string, ...bindings: (string | number)[]): Record<string, unknown>[];
  /** Runs `body` atomically: all of its writes, or none when it throws. */
  transact<T>(body: () => T): T;
}

export interface MigrationStep {
  /** The schema's version after this step. */
  version: number;
  /** What brings the version before to this one. One SQL statement each: node:sqlite ignores a second one. */
  statements: readonly string[];
}

/** The database was written by a newer version of this code, or by one that was never released. */
export class UnsupportedSchema extends Error {
  override name = "UnsupportedSchema";

  constructor(found: number, supported: number) {
    super(`The database has schema ${found}. This version supports schema ${supported}: deploy the version that wrote the database.`);
  }
}

/**
 * Runs every step that the database has not seen. A new database runs all of them.
 * @param steps in ascending order of their versions
 * @throws {UnsupportedSchema} before it writes anything, when the database's version is none of the steps'
 */
export function migrate(store: MigratedStore, steps: readonly MigrationStep[]): void {
  const found = schemaVersion(store);
  if (found !== 0 && !steps.some(({ version }) => version === found)) throw new UnsupportedSchema(found, steps.at(-1)?.version ?? 0);
  for (const { version, statements } of steps) {
    if (version <= found) continue;
    store.transact(() => {
      for (const statement of statements) store.sql(statement);
      store.sql("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL) STRICT");
      store.sql("DELETE FROM schema_version");
      store.sql("INSERT INTO schema_version (version) VALUES (?)", version);
    });
  }
}

/** Whether this code, of any version, has written to the database. Reading it stores nothing. */
export function hasSchema(store: Pick<MigratedStore, "sql">): boolean {
  return schemaVersion(store) !== 0;
}

/** 0 for a database without a version: a new one, or one from before its tables were numbered. */
function schemaVersion(store: Pick<MigratedStore, "sql">): number {
  const tables = store.sql("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'");
  const [row] = tables.length === 0 ? [] : store.sql("SELECT version FROM schema_version");
  return Number(row?.["version"] ?? 0);
}

import { describe, expect, test } from "vitest";
import { memoryStore } from "../agent-cli/demo/memory-store.ts";
import { type MigratedStore, type MigrationStep, migrate, UnsupportedSchema } from "./migrations.ts";

const ONE: MigrationStep = { version: 1, statements: ["CREATE TABLE a (n INTEGER) STRICT", "INSERT INTO a VALUES (1)"] };
const TWO: MigrationStep = {
  version: 2,
  statements: ["ALTER TABLE a RENAME COLUMN n TO m", "CREATE TABLE b (n INTEGER) STRICT", "INSERT INTO b SELECT m FROM a"],
};

/** Every table, and every row. */
function contents(store: MigratedStore) {
  const tables = store.sql("SELECT name, sql FROM sqlite_master ORDER BY name");
  return tables.map(({ name, sql }) => [sql, store.sql(`SELECT * FROM ${String(name)}`)]);
}

function migrated(...steps: MigrationStep[]) {
  const store = memoryStore();
  migrate(store, steps);
  return store;
}

describe("a migration", () => {
  test("runs every step on a new database, and the missing ones on an older database", () => {
    const old = migrated(ONE);
    expect(old.sql("SELECT n FROM a")).toEqual([{ n: 1 }]);
    expect(old.sql("SELECT version FROM schema_version")).toEqual([{ version: 1 }]);
    migrate(old, [ONE, TWO]);
    expect(contents(old)).toEqual(contents(migrated(ONE, TWO)));
    expect(old.sql("SELECT version FROM schema_version")).toEqual([{ version: 2 }]);
    expect(old.sql("SELECT n FROM b")).toEqual([{ n: 1 }]);
  });

  test("writes nothing to a database that has the newest version", () => {
    const store = migrated(ONE, TWO);
    const statements: string[] = [];
    migrate({ ...store, sql: (statement, ...bindings) => (statements.push(statement), store.sql(statement, ...bindings)) }, [ONE, TWO]);
    expect(statements.filter((statement) => !statement.startsWith("SELECT"))).toEqual([]);
  });

  test("that stops at any statement leaves the version before or the version after", () => {
    const between = [contents(memoryStore()), contents(migrated(ONE)), contents(migrated(ONE, TWO))];
    const reached = new Set<number>();
    for (let survived = 0; ; survived++) {
      const store = memoryStore();
      const stopped = stopsAfter(survived, store);
      try {
        migrate(stopped, [ONE, TWO]);
        break;
      } catch (error) {
        expect(error).toEqual(new Error("killed"));
      }
      const left = between.findIndex((version) => JSON.stringify(version) === JSON.stringify(contents(store)));
      expect([0, 1]).toContain(left);
      reached.add(left);
      migrate(store, [ONE, TWO]);
      expect(contents(store)).toEqual(between[2]);
    }
    expect([...reached]).toEqual([0, 1]);
  });

  test.each([
    ["newer", 3],
    ["unknown", 1],
  ])("refuses a database of a %s version, and writes nothing", (_, version) => {
    const store = migrated({ ...ONE, version });
    const before = contents(store);
    expect(() => migrate(store, [{ ...ONE, version: 2 }])).toThrow(UnsupportedSchema);
    expect(() => migrate(store, [{ ...ONE, version: 2 }])).toThrow(`has schema ${version}. This version supports schema 2`);
    expect(contents(store)).toEqual(before);
  });
});

/** The same store, in which a statement fails after so many. */
function stopsAfter(statements: number, store: ReturnType<typeof memoryStore>): MigratedStore {
  let left = statements;
  return {
    ...store,
    sql(statement, ...bindings) {
      if (left-- === 0) throw new Error("killed");
      return store.sql(statement, ...bindings);
    },
  };
}

/** What the watch of a zone must find again after a restart, in its object's database. */

import { migrate, type MigratedStore, type MigrationStep } from "../../shared/migrations.ts";
import { row, text } from "../../shared/row.ts";
import type { FollowerMemory } from "../../shared/zone/chain-follower.ts";
import { readFollowerMemory, writeFollowerMemory } from "../../shared/zone/follower-text.ts";

/** To change the table, append a step; never edit a released one. */
const STEPS: readonly MigrationStep[] = [
  { version: 1, statements: ["CREATE TABLE memory (name TEXT PRIMARY KEY CHECK (name = 'chain'), text TEXT NOT NULL) STRICT"] },
];

const storedMemory = row({ text: text() });

/** @throws {UnsupportedSchema} when newer code wrote the table */
export function watchStore(store: MigratedStore): { memory: FollowerMemory | undefined; keep(memory: FollowerMemory): void } {
  migrate(store, STEPS);
  const [stored] = store.sql("SELECT text FROM memory");
  return {
    memory: stored && readFollowerMemory(storedMemory(stored).text),
    keep: (memory) => void store.sql("INSERT OR REPLACE INTO memory VALUES ('chain', ?)", writeFollowerMemory(memory)),
  };
}

/** What the watch of a zone must find again after a restart, in its object's database; and payments that came too late for their purchase. */

import { migrate, type MigratedStore, type MigrationStep } from "../../shared/migrations.ts";
import { integer, row, text } from "../../shared/row.ts";
import type { OwedPayment } from "../../shared/settlement/native.ts";
import type { FollowerMemory } from "../../shared/zone/chain-follower.ts";
import { readFollowerMemory, writeFollowerMemory } from "../../shared/zone/follower-text.ts";

/** To change the table, append a step; never edit a released one. */
const STEPS: readonly MigrationStep[] = [
  { version: 1, statements: ["CREATE TABLE memory (name TEXT PRIMARY KEY CHECK (name = 'chain'), text TEXT NOT NULL) STRICT"] },
  { version: 2, statements: ["CREATE TABLE owed (seq INTEGER PRIMARY KEY, h TEXT NOT NULL UNIQUE, payment TEXT NOT NULL) STRICT"] },
];

/** Payments on one page of the list. */
export const OWED_PAGE = 500;

const storedMemory = row({ text: text() });
const owedRow = row({ seq: integer(), payment: text() });

export interface WatchStore {
  memory: FollowerMemory | undefined;
  keep(memory: FollowerMemory): void;
  /** The same payment again is the same row. */
  owe(payment: OwedPayment): void;
  /** The oldest first. @param after `next` of the page before, or 0 */
  owed(after: number): { owed: OwedPayment[]; next?: number };
}

/** @throws {UnsupportedSchema} when newer code wrote the table */
export function watchStore(store: MigratedStore): WatchStore {
  migrate(store, STEPS);
  const [stored] = store.sql("SELECT text FROM memory");
  return {
    memory: stored && readFollowerMemory(storedMemory(stored).text),
    keep: (memory) => void store.sql("INSERT OR REPLACE INTO memory VALUES ('chain', ?)", writeFollowerMemory(memory)),
    owe: (payment) => {
      store.sql("INSERT INTO owed (h, payment) VALUES (?, ?) ON CONFLICT DO NOTHING", payment.messageHash, JSON.stringify(payment));
    },
    owed: (after) => {
      const rows = store.sql("SELECT seq, payment FROM owed WHERE seq > ? ORDER BY seq LIMIT ?", after, OWED_PAGE).map(owedRow);
      const owed = rows.map(({ payment }) => JSON.parse(payment) as OwedPayment);
      const last = rows.at(-1);
      return rows.length < OWED_PAGE || !last ? { owed } : { owed, next: last.seq };
    },
  };
}

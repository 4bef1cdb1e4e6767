/** The rows of a lane in its object's database, with a copy in memory. */

import type { Digest } from "../../shared/crypto/digest.ts";
import { migrate, type MigratedStore, type MigrationStep } from "../../shared/migrations.ts";
import { row, text } from "../../shared/row.ts";
import type { KnownRow } from "../../shared/zone/lane-row.ts";
import { readLaneRow, writeLaneRow } from "../../shared/zone/lane-text.ts";
import type { LaneStore } from "../../shared/zone/lane.ts";

/** To change the table, append a step; never edit a released one. */
const STEPS: readonly MigrationStep[] = [
  {
    version: 1,
    statements: ["CREATE TABLE payment (h TEXT PRIMARY KEY, state TEXT NOT NULL, row TEXT NOT NULL) STRICT"],
  },
];

const storedRow = row({ row: text() });

/**
 * @param onChange runs after each write, in its transaction
 * @throws {UnsupportedSchema} when newer code wrote the table
 */
export function laneStore(store: MigratedStore, onChange: () => void): LaneStore {
  migrate(store, STEPS);
  const rows = new Map<Digest, KnownRow>();
  for (const stored of store.sql("SELECT row FROM payment")) {
    const known = readLaneRow(storedRow(stored).row);
    rows.set(known.payment.h, known);
  }
  return {
    rows: () => [...rows.values()],
    find: (h) => rows.get(h),
    put: (known) => {
      const { h } = known.payment;
      const values = [h, known.state, writeLaneRow(known)];
      store.sql("INSERT INTO payment VALUES (?, ?, ?) ON CONFLICT (h) DO UPDATE SET state = excluded.state, row = excluded.row", ...values);
      rows.set(h, known);
      onChange();
    },
    remove: (h) => {
      store.sql("DELETE FROM payment WHERE h = ?", h);
      rows.delete(h);
      onChange();
    },
  };
}

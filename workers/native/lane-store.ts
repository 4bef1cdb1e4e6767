/** The rows of a lane in its object's database, with a copy in memory. An object that never had a payment stores nothing. */

import type { Digest } from "../../shared/crypto/digest.ts";
import { hasSchema, migrate, type MigratedStore, type MigrationStep } from "../../shared/migrations.ts";
import { integer, row, text } from "../../shared/row.ts";
import type { KnownRow } from "../../shared/zone/lane-row.ts";
import { readLaneRow, writeLaneRow } from "../../shared/zone/lane-text.ts";
import type { LaneStore } from "../../shared/zone/lane.ts";

/** To change the table, append a step; never edit a released one. */
const STEPS: readonly MigrationStep[] = [
  {
    version: 1,
    statements: ["CREATE TABLE payment (h TEXT PRIMARY KEY, state TEXT NOT NULL, row TEXT NOT NULL) STRICT"],
  },
  {
    version: 2,
    // 1: the operator's list has it, as a payment that came too late for its purchase.
    statements: ["ALTER TABLE payment ADD COLUMN listed INTEGER NOT NULL DEFAULT 0"],
  },
];

const storedRow = row({ row: text(), listed: integer() });

export interface LaneTable extends LaneStore {
  /** Whether the operator's list has the payment. */
  readonly isListed: (h: Digest) => boolean;
  setListed(h: Digest): void;
}

/**
 * @param onChange runs after each write, in its transaction
 * @throws {UnsupportedSchema} when newer code wrote the table
 */
export function laneStore(store: MigratedStore, onChange: () => void): LaneTable {
  const rows = new Map<Digest, KnownRow>();
  const listed = new Set<Digest>();
  let hasTable = hasSchema(store);
  if (hasTable) {
    migrate(store, STEPS);
    for (const found of store.sql("SELECT row, listed FROM payment")) {
      const stored = storedRow(found);
      const known = readLaneRow(stored.row);
      rows.set(known.payment.h, known);
      if (stored.listed === 1) listed.add(known.payment.h);
    }
  }
  return {
    rows: () => [...rows.values()],
    find: (h) => rows.get(h),
    put: (known) => {
      if (!hasTable) migrate(store, STEPS);
      hasTable = true;
      const { h } = known.payment;
      const values = [h, known.state, writeLaneRow(known)];
      store.sql(
        "INSERT INTO payment (h, state, row) VALUES (?, ?, ?) ON CONFLICT (h) DO UPDATE SET state = excluded.state, row = excluded.row",
        ...values,
      );
      rows.set(h, known);
      onChange();
    },
    remove: (h) => {
      if (hasTable) store.sql("DELETE FROM payment WHERE h = ?", h);
      rows.delete(h);
      listed.delete(h);
      onChange();
    },
    isListed: (h) => listed.has(h),
    setListed: (h) => {
      store.sql("UPDATE payment SET listed = 1 WHERE h = ?", h);
      listed.add(h);
      onChange();
    },
  };
}

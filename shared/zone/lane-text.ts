/** A payment's row as text, for a database. Whole numbers of the chain are decimal strings: they have up to 39 digits. */

import type { KnownRow } from "./lane-row.ts";

/** The members that are bigints; every other number is one of JavaScript's. */
const WHOLE = new Set(["id", "since", "value", "nonce", "maxFee", "balance"]);

export function writeLaneRow(row: KnownRow): string {
  return JSON.stringify(row, (_, value: unknown) => (typeof value === "bigint" ? value.toString() : value));
}

/** @param text from `writeLaneRow` */
export function readLaneRow(text: string): KnownRow {
  const row = JSON.parse(text, (key, value: unknown) => (WHOLE.has(key) ? BigInt(String(value)) : value)) as KnownRow;
  return { ...row, read: row.read, collector: row.collector };
}

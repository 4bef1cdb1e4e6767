import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import type { Digest } from "../../shared/digest.ts";
import { LeaseTable } from "./lease-table.ts";

const NOW = 1_800_000_000;
const LATER = NOW + 3600;
const id = (name: string) => name as Digest;
const paid = { state: "paid", receipt: { success: true, transaction: "t", network: "n" } } as const;

function newTable(): LeaseTable {
  const database = new DatabaseSync(":memory:");
  return new LeaseTable({
    exec: (statement: string, ...bindings: (string | number | null)[]) => {
      const rows = database.prepare(statement).all(...bindings);
      return { toArray: () => rows, one: () => rows[0] };
    },
  } as unknown as SqlStorage);
}

test("who only looks takes no lease, and is in nobody's way", () => {
  const table = newTable();
  expect(table.resume(id("payment"), id("copy"), 60, NOW)).toEqual({ granted: true });
  table.finish(id("payment"), id("first"), paid, LATER, NOW);
  expect(table.begin(id("payment"), id("third"), 60, undefined, NOW)).toEqual({ granted: true, remembered: paid });
});

test("what is owed is resumed by one at a time", () => {
  const table = newTable();
  table.finish(id("payment"), id("first"), paid, LATER, NOW);
  expect(table.resume(id("payment"), id("a"), 60, NOW)).toEqual({ granted: true, remembered: paid });
  expect(table.resume(id("payment"), id("b"), 60, NOW)).toEqual({ granted: false });
  expect(table.resume(id("payment"), id("b"), 60, NOW + 61)).toEqual({ granted: true, remembered: paid });
});

test("what is to be known should the holder never come back is known after its lease, and replaces nothing that is known", () => {
  const table = newTable();
  table.begin(id("payment"), id("a"), 60, paid, NOW);
  expect(table.resume(id("payment"), id("b"), 60, NOW)).toEqual({ granted: false });
  expect(table.begin(id("payment"), id("b"), 60, { ...paid, receipt: { ...paid.receipt, transaction: "other" } }, NOW + 61)).toEqual({
    granted: true,
    remembered: paid,
  });
  table.forget(NOW + 61 + 3600);
  expect(table.resume(id("payment"), id("c"), 60, NOW + 200)).toEqual({ granted: true, remembered: paid });
});

test("what was delivered is no debt", () => {
  const table = newTable();
  table.finish(id("payment"), id("a"), { state: "delivered" }, LATER, NOW);
  expect(table.resume(id("payment"), id("b"), 60, NOW)).toEqual({ granted: true, remembered: { state: "delivered" } });
  expect(table.begin(id("payment"), id("c"), 60, undefined, NOW)).toMatchObject({ granted: true });
});

/** The table of a merchant's leases, in a Durable Object's own SQLite: who may serve a payment, and what is left to know of it. */
import { runInDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import type { Digest } from "../../shared/digest.ts";
import { LeaseTable } from "../../workers/merchant/lease-table.ts";
import { newLedger, NOW } from "./ledger.ts";

const LATER = NOW + 3600;
const id = (name: string) => name as Digest;
const paid = { state: "paid", receipt: { success: true, transaction: "t", network: "n" } } as const;

/** Any object's SQLite will do. */
const testInside = (what: string, body: (table: LeaseTable) => void) =>
  test(what, () => runInDurableObject(newLedger(), (_, { storage }) => body(new LeaseTable(storage.sql))));

testInside("who only looks takes no lease, and is in nobody's way", (table) => {
  expect(table.resume(id("payment"), id("copy"), 60, NOW)).toEqual({ granted: true });
  table.finish(id("payment"), id("first"), paid, LATER, NOW);
  expect(table.begin(id("payment"), id("third"), 60, undefined, NOW)).toEqual({ granted: true, remembered: paid });
});

testInside("what is owed is resumed by one at a time", (table) => {
  table.finish(id("payment"), id("first"), paid, LATER, NOW);
  expect(table.resume(id("payment"), id("a"), 60, NOW)).toEqual({ granted: true, remembered: paid });
  expect(table.resume(id("payment"), id("b"), 60, NOW)).toEqual({ granted: false });
  expect(table.resume(id("payment"), id("b"), 60, NOW + 61)).toEqual({ granted: true, remembered: paid });
});

testInside(
  "what is to be known should the holder never come back is known after its lease, and replaces nothing that is known",
  (table) => {
    table.begin(id("payment"), id("a"), 60, paid, NOW);
    expect(table.resume(id("payment"), id("b"), 60, NOW)).toEqual({ granted: false });
    expect(table.begin(id("payment"), id("b"), 60, { ...paid, receipt: { ...paid.receipt, transaction: "other" } }, NOW + 61)).toEqual({
      granted: true,
      remembered: paid,
    });
    table.forget(NOW + 61 + 3600);
    expect(table.resume(id("payment"), id("c"), 60, NOW + 200)).toEqual({ granted: true, remembered: paid });
  },
);

testInside("what was delivered is no debt", (table) => {
  table.finish(id("payment"), id("a"), { state: "delivered" }, LATER, NOW);
  expect(table.resume(id("payment"), id("b"), 60, NOW)).toEqual({ granted: true, remembered: { state: "delivered" } });
  expect(table.begin(id("payment"), id("c"), 60, undefined, NOW)).toMatchObject({ granted: true });
});

testInside("what was delivered stays so, whoever comes back late", (table) => {
  table.begin(id("payment"), id("late"), 60, paid, NOW);
  table.resume(id("payment"), id("b"), 60, NOW + 61);
  table.finish(id("payment"), id("b"), { state: "delivered" }, LATER, NOW + 62);
  for (const said of [paid, undefined]) table.finish(id("payment"), id("late"), said, LATER, NOW + 63);
  expect(table.resume(id("payment"), id("c"), 60, NOW + 64)).toEqual({ granted: true, remembered: { state: "delivered" } });
});

testInside("what is owed is forgotten only by whoever said so", (table) => {
  table.finish(id("payment"), id("a"), paid, LATER, NOW);
  table.finish(id("payment"), id("late"), undefined, LATER, NOW);
  expect(table.resume(id("payment"), id("b"), 60, NOW)).toEqual({ granted: true, remembered: paid });
  table.finish(id("payment"), id("b"), undefined, LATER, NOW);
  expect(table.resume(id("payment"), id("c"), 60, NOW)).toEqual({ granted: true });
});

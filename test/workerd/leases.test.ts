/** The shelf of a merchant's leases in a Durable Object's own SQLite. The rule has its table beside it. */

import { runInDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import type { Digest } from "../../shared/crypto/digest.ts";
import { LeaseTable } from "../../workers/merchant/paywall/memory/lease-table.ts";
import type { LeaseEntry } from "../../workers/merchant/paywall/memory/leases.ts";
import { migrateDeliveries } from "../../workers/merchant/paywall/memory/schema.ts";
import type { DeliveryState, RefundTerms } from "../../workers/merchant/paywall/types.ts";
import { newDeliveries } from "./deliveries.ts";
import { NOW } from "./ledger.ts";

const id = (name: string) => name as Digest;
const paid = { state: "paid", receipt: { success: true, transaction: "t", network: "n" } } as const;
const held: LeaseEntry = { lease: id("a"), leaseUntil: NOW + 60, remembered: undefined, forgetAfter: NOW + 120 };
const owed: LeaseEntry = { lease: id("b"), leaseUntil: 0, remembered: paid, forgetAfter: NOW + 3600 };

/** Any object's SQLite will do. */
const testInside = (what: string, body: (table: LeaseTable) => void) =>
  test(what, () =>
    runInDurableObject(newDeliveries(), (_, { storage }) => {
      migrateDeliveries(storage);
      body(new LeaseTable(storage.sql));
    }),
  );

testInside("what is put there is there until it is taken away", (table) => {
  expect(table.get(id("payment"))).toBeUndefined();
  for (const entry of [held, owed, held]) {
    table.set(id("payment"), entry);
    expect(table.get(id("payment"))).toEqual(entry);
  }
  table.delete(id("payment"));
  expect(table.get(id("payment"))).toBeUndefined();
});

testInside("what is past its time is forgotten, but not under who holds it", (table) => {
  expect(table.nextForget()).toBeUndefined();
  table.set(id("held"), { ...held, forgetAfter: NOW });
  table.set(id("owed"), owed);
  expect(table.nextForget()).toBe(NOW);
  table.forget(NOW + 60);
  expect(table.get(id("held"))).toBeDefined();
  table.forget(NOW + 61);
  expect(table.get(id("held"))).toBeUndefined();
  expect(table.nextForget()).toBe(owed.forgetAfter);
});

testInside("what is past its time and can go back is listed, but not under who holds it", (table) => {
  const refund = { transaction: id("t"), nonce: id("n") } as unknown as RefundTerms;
  const state: DeliveryState = { ...paid, refund };
  table.set(id("owed"), { ...owed, remembered: state });
  table.set(id("held"), { ...held, remembered: state });
  table.set(id("plain"), { ...owed, forgetAfter: NOW });
  expect(table.undelivered(NOW + 60)).toEqual([]);
  expect(table.undelivered(NOW + 121)).toEqual([{ key: id("held"), state }]);
  table.set(id("held"), { ...held, leaseUntil: NOW + 121, remembered: state });
  expect(table.undelivered(NOW + 121)).toEqual([]);
  expect(table.undelivered(NOW + 3601).map(({ key }) => key)).toEqual([id("held"), id("owed")]);
});

/** The table of a merchant's answers, in a Durable Object's own SQLite: who gets a claim, what makes room, what stays. */

import { runInDurableObject } from "cloudflare:test";
import { describe, expect, test } from "vitest";
import { type Digest, randomDigest } from "../../shared/crypto/digest.ts";
import { HOLD_SECONDS, MAX_STORED_ANSWERS, STORED_ANSWER_SECONDS } from "../../shared/limits.ts";
import type { Reservation } from "../../shared/settlement/commands.ts";
import { AnswerTable } from "../../workers/merchant/paywall/memory/answer-table.ts";
import { migrateDeliveries } from "../../workers/merchant/paywall/memory/schema.ts";
import { newDeliveries } from "./deliveries.ts";
import { NOW } from "./ledger.ts";

const receipt = { success: true, transaction: "ab".repeat(32), network: "logos:lez-testnet" };
const answer = { status: 200, headers: [["content-type", "text/plain"]] as [string, string][], body: new Uint8Array([1, 2, 3]) };
const reservationOf = (reservationId: Digest) => ({ payer: "payer", nonce: "nonce", reservationId }) as unknown as Reservation;

/** The table of this test. Any object's SQLite will do. */
let table: AnswerTable;
const testInside = (what: string, body: () => void) =>
  test(what, () =>
    runInDurableObject(newDeliveries(), (_, { storage }) => {
      migrateDeliveries(storage);
      table = new AnswerTable(storage.sql);
      body();
    }),
  );

const [key, order] = [randomDigest(), randomDigest()];
const claim = (lease: Digest, now = NOW, of = order, as = key) => table.claim(as, of, lease, HOLD_SECONDS, now);

/** Claimed, answered, and paid when it should be. */
function answered(as: Digest, paid: boolean, now = NOW): void {
  const lease = randomDigest();
  table.claim(as, order, lease, HOLD_SECONDS, now);
  expect(table.store(as, lease, reservationOf(lease), answer)).toBe(true);
  if (paid) table.paid(as, receipt, now);
}

testInside("an answer is recalled by the payment that bought it, and asking claims nothing", () => {
  expect(table.recall(key, order)).toBeUndefined();
  answered(key, false);
  expect(table.recall(key, order)).toBeUndefined();
  table.paid(key, receipt, NOW);
  expect(table.recall(key, order)).toMatchObject({ state: "paid", receipt, answer: { status: 200 } });
  expect(table.recall(key, randomDigest())).toBeUndefined();
});

testInside("an answer without a body is stored as one", () => {
  const lease = randomDigest();
  claim(lease);
  table.store(key, lease, reservationOf(lease), { ...answer, status: 204, body: new Uint8Array() });
  expect(claim(randomDigest())).toMatchObject({ state: "stored", answer: { status: 204, body: new Uint8Array() } });
});

describe("a claim", () => {
  testInside("is one payment's and one run's; another payment never gets it", () => {
    const [first, second] = [randomDigest(), randomDigest()];
    expect(claim(first)).toMatchObject({ state: "granted" });
    expect(claim(first)).toMatchObject({ state: "granted" }); // its answer was lost: asked for again
    expect(claim(second)).toEqual({ state: "busy" });
    expect(claim(second, NOW, randomDigest())).toEqual({ state: "conflict" });
  });

  testInside("whose run died is taken up under the same reservation, and the dead run can store nothing any more", () => {
    const [dead, next] = [randomDigest(), randomDigest()];
    const before = claim(dead);
    const after = claim(next, NOW + HOLD_SECONDS + 1);
    expect(after).toEqual(before);
    expect(table.store(key, dead, reservationOf(dead), answer)).toBe(false);
    table.free(key, dead);
    expect(table.store(key, next, reservationOf(next), answer)).toBe(true);
  });

  testInside("that stored is never run again: any later request finishes it by the capture", () => {
    const lease = randomDigest();
    claim(lease);
    table.store(key, lease, reservationOf(lease), answer);
    for (const late of [0, HOLD_SECONDS + 1, STORED_ANSWER_SECONDS - 1])
      expect(claim(randomDigest(), NOW + late)).toEqual({ state: "stored", reservation: reservationOf(lease), answer });
    table.free(key, lease); // the first run, which lost its lease to the run that finishes it
    expect(claim(randomDigest())).toMatchObject({ state: "stored" });
  });

  testInside("that is paid stays paid, with the first receipt, and is not freed by anybody", () => {
    const lease = randomDigest();
    claim(lease);
    table.store(key, lease, reservationOf(lease), undefined);
    table.paid(key, receipt, NOW);
    table.paid(key, { ...receipt, transaction: "cd".repeat(32) }, NOW);
    table.free(key, lease);
    expect(claim(randomDigest())).toEqual({ state: "paid", receipt, paidAt: NOW });
  });
});

describe("what was paid and delivered without a copy", () => {
  testInside("is not run again", () => {
    const lease = randomDigest();
    claim(lease);
    table.paid(key, receipt, NOW);
    expect(claim(randomDigest(), NOW + HOLD_SECONDS + 1)).toEqual({ state: "paid", receipt, paidAt: NOW });
    expect(table.store(key, lease, reservationOf(lease), answer)).toBe(false);
  });
});

describe("a full table", () => {
  testInside("lets the oldest paid answer go", () => {
    const keys = Array.from({ length: MAX_STORED_ANSWERS }, randomDigest);
    for (const [i, each] of keys.entries()) answered(each, true, NOW + i);
    expect(claim(randomDigest(), NOW + MAX_STORED_ANSWERS)).toMatchObject({ state: "granted" });
    expect(table.claim(keys[1] ?? key, order, randomDigest(), HOLD_SECONDS, NOW)).toMatchObject({ state: "paid" });
    expect(table.claim(keys[0] ?? key, order, randomDigest(), HOLD_SECONDS, NOW)).toMatchObject({ state: "granted" });
  });

  testInside("of unfinished ones takes nothing new, and still serves what is in it", () => {
    const keys = Array.from({ length: MAX_STORED_ANSWERS }, randomDigest);
    for (const each of keys) answered(each, false);
    expect(claim(randomDigest())).toEqual({ state: "full" });
    expect(table.claim(keys[0] ?? key, order, randomDigest(), HOLD_SECONDS, NOW)).toMatchObject({ state: "stored" });
    table.paid(keys[0] ?? key, receipt, NOW);
    expect(claim(randomDigest())).toMatchObject({ state: "granted" });
  });

  testInside("is empty a day later", () => {
    answered(key, true);
    table.forget(NOW + STORED_ANSWER_SECONDS);
    expect(table.nextForget()).toBe(NOW + STORED_ANSWER_SECONDS);
    table.forget(NOW + STORED_ANSWER_SECONDS + 1);
    expect(table.nextForget()).toBeUndefined();
  });
});

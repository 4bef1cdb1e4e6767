/** When a `Deliveries` object forgets: it deletes itself once nothing is in it, and a wrong clock alone makes it forget nothing. */

import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { randomDigest } from "../../shared/crypto/digest.ts";
import { HOLD_SECONDS, SALES_PAGE, SALES_RETENTION_SECONDS, STORED_ANSWER_SECONDS, SWEEP_INTERVAL_SECONDS } from "../../shared/limits.ts";
import type { Reservation } from "../../shared/settlement/commands.ts";
import type { RecordedSale } from "../../workers/merchant/paywall/memory/sales-register.ts";
import { type DeliveriesStub, newDeliveries, rowsOf } from "./deliveries.ts";
import { NOW, setTime } from "./ledger.ts";

const DAY = 24 * 3600;
const YEAR = 365 * DAY;
const receipt = { success: true, transaction: "t", network: "n" };
const paid = { state: "paid", receipt } as const;
const [key, other, lease, rival] = [randomDigest(), randomDigest(), randomDigest(), randomDigest()];
const reservation = { payer: "payer", nonce: key, reservationId: lease } as unknown as Reservation;

const logged = vi.spyOn(console, "log").mockImplementation(() => {});
const jumps = () => logged.mock.calls.map(String).filter((line) => line.includes('"clock.jumped"'));

beforeEach(() => setTime(NOW));
afterEach(() => logged.mockClear());
afterAll(() => {
  vi.useRealTimers();
  logged.mockRestore();
});

const alarmOf = (stub: DeliveriesStub) =>
  runInDurableObject(stub, async (_, { storage }) => {
    const alarm = await storage.getAlarm();
    return alarm === null ? null : alarm / 1000;
  });
/** Everything that is stored. */
const stored = async (stub: DeliveriesStub) => ({
  rows: await rowsOf(stub),
  alarm: await alarmOf(stub),
  other: await runInDurableObject(stub, (_, { storage }) => [...storage.kv.list()].length),
});
const NOTHING = { rows: {}, alarm: null, other: 0 };

async function ringAt(stub: DeliveriesStub, at: number): Promise<void> {
  setTime(at);
  await runDurableObjectAlarm(stub);
}

/** An object that had a lease and has nothing now. */
async function emptied(): Promise<DeliveriesStub> {
  const stub = newDeliveries();
  await stub.begin(key, lease, HOLD_SECONDS);
  await stub.finish(key, lease, undefined, 0);
  return stub;
}

describe("an object with nothing in it", () => {
  test("deletes itself and its alarm, and starts afresh when it is used again [deliveries-delete-themselves]", async () => {
    const stub = await emptied();
    expect(await alarmOf(stub)).toBe(NOW + SWEEP_INTERVAL_SECONDS);
    await ringAt(stub, NOW + SWEEP_INTERVAL_SECONDS);
    expect(await stored(stub)).toEqual(NOTHING);

    // In the same instance, and after a restart.
    for (const again of [() => undefined, () => evictDurableObject(stub)]) {
      await again();
      setTime(NOW);
      expect(await stub.begin(key, lease, HOLD_SECONDS)).toEqual({ granted: true });
      expect((await rowsOf(stub))["schema_version"]).toEqual([{ version: 5 }]);
      expect(await alarmOf(stub)).toBe(NOW + SWEEP_INTERVAL_SECONDS);
      await stub.finish(key, lease, undefined, 0);
      await ringAt(stub, NOW + SWEEP_INTERVAL_SECONDS);
      expect(await stored(stub)).toEqual(NOTHING);
    }
  });

  test("is not made by questions", async () => {
    const stub = newDeliveries();
    expect(await stub.resume(key, lease, HOLD_SECONDS)).toEqual({ granted: true });
    expect(await stub.recall(key, other)).toBeUndefined();
    expect(await stub.store(key, lease, reservation, undefined)).toBe(false);
    await stub.paid(key, receipt);
    await stub.free(key, lease);
    await stub.endRun(key);
    await stub.finish(key, lease, undefined, 0);
    expect(await stored(stub)).toEqual(NOTHING);
  });

  test("that is asked for its schema keeps it, since a rollback must find it", async () => {
    const stub = newDeliveries();
    expect(await stub.canOpen()).toBe(true);
    expect((await rowsOf(stub))["schema_version"]).toEqual([{ version: 5 }]);
    expect(await alarmOf(stub)).toBeNull();
  });

  test("that died before it was deleted, or before its alarm was, is gone after the next alarm", async () => {
    const stub = await emptied();
    await evictDurableObject(stub);
    await ringAt(stub, NOW + SWEEP_INTERVAL_SECONDS);
    expect(await stored(stub)).toEqual(NOTHING);
    await runInDurableObject(stub, (_, { storage }) => storage.setAlarm(NOW * 1000));
    await evictDurableObject(stub);
    await ringAt(stub, NOW + SWEEP_INTERVAL_SECONDS);
    expect(await stored(stub)).toEqual(NOTHING);
  });

  test("that is used while it deletes itself keeps what came, under an alarm", async () => {
    for (let time = 0; time < 10; time++) {
      setTime(NOW);
      const stub = await emptied();
      setTime(NOW + SWEEP_INTERVAL_SECONDS);
      const [begins, rings] = [() => stub.begin(other, lease, HOLD_SECONDS), () => runDurableObjectAlarm(stub)];
      const both = time % 2 === 0 ? [begins(), rings()] : [rings(), begins()];
      await Promise.all(both);
      expect((await rowsOf(stub))["delivery"]).toMatchObject([{ key: other }]);
      expect(await alarmOf(stub)).not.toBeNull();
    }
  });
});

/** What keeps an object, and until when. */
const KEPT: [what: string, put: (stub: DeliveriesStub) => Promise<unknown>, until: number][] = [
  ["a lease", async (stub) => stub.begin(key, lease, HOLD_SECONDS), HOLD_SECONDS + SWEEP_INTERVAL_SECONDS],
  ["a run", async (stub) => [await stub.startRun(key, lease, HOLD_SECONDS, 3), await stub.finish(key, lease, undefined, 0)], DAY],
  ["a claim", async (stub) => stub.claim(key, other, lease, HOLD_SECONDS), STORED_ANSWER_SECONDS],
  ["an answer", async (stub) => [await stub.claim(key, other, lease, HOLD_SECONDS), await stub.paid(key, receipt)], STORED_ANSWER_SECONDS],
  ["a debt", async (stub) => stub.finish(key, lease, paid, NOW + 13 * 3600), 13 * 3600],
];

test.each(KEPT)("%s keeps the object until its time is over", async (_what, put, until) => {
  const stub = newDeliveries();
  await put(stub);
  const { rows } = await stored(stub);
  await ringAt(stub, NOW + until);
  expect((await stored(stub)).rows).toEqual(rows);
  expect(await alarmOf(stub)).toBe(NOW + until + 1);
  await ringAt(stub, NOW + until + 1);
  expect(await stored(stub)).toEqual(NOTHING);
});

describe("a clock that is a year ahead", () => {
  test.each(KEPT)("makes one alarm forget nothing: not %s [deliveries-clock-jump]", async (_what, put) => {
    const stub = newDeliveries();
    await put(stub);
    const { rows } = await stored(stub);
    await ringAt(stub, NOW + YEAR);
    expect((await stored(stub)).rows).toEqual(rows);
    expect(await alarmOf(stub)).toBe(NOW + YEAR + DAY);
  });

  test("makes no alarm forget a debt, and the buyer gets it when the clock is right again", async () => {
    const stub = newDeliveries();
    await stub.finish(key, lease, paid, NOW + 13 * 3600);
    for (const wrong of [YEAR, 2 * YEAR]) await ringAt(stub, NOW + YEAR + wrong);
    await evictDurableObject(stub);
    setTime(NOW + 10);
    expect(await stub.resume(key, rival, HOLD_SECONDS)).toEqual({ granted: true, remembered: paid });
    await stub.finish(key, rival, undefined, 0);
    expect(await alarmOf(stub)).toBe(NOW + 10 + SWEEP_INTERVAL_SECONDS);
    await ringAt(stub, NOW + 10 + SWEEP_INTERVAL_SECONDS);
    expect(await stored(stub)).toEqual(NOTHING);
  });

  test("is named in the log", async () => {
    const stub = newDeliveries();
    await stub.finish(key, lease, paid, NOW + 3600);
    await ringAt(stub, NOW + 5 * YEAR);
    expect(jumps()).toEqual([expect.stringContaining(`"machine":${NOW + 5 * YEAR}`)]);
  });

  test("makes no command forget an answer", async () => {
    const stub = newDeliveries();
    await stub.claim(key, other, lease, HOLD_SECONDS);
    await stub.paid(key, receipt);
    setTime(NOW + YEAR);
    await stub.claim(randomDigest(), other, lease, HOLD_SECONDS);
    setTime(NOW);
    expect(await stub.recall(key, other)).toMatchObject({ state: "paid" });
  });

  test("leaves no lease, claim or run that lasts until then", async () => {
    const stub = newDeliveries();
    setTime(NOW + YEAR);
    await stub.begin(key, lease, HOLD_SECONDS);
    await stub.claim(key, other, lease, HOLD_SECONDS);
    await stub.startRun(other, lease, HOLD_SECONDS, 1);
    setTime(NOW);
    expect(await stub.begin(key, rival, HOLD_SECONDS)).toEqual({ granted: true });
    expect(await stub.claim(key, other, rival, HOLD_SECONDS)).toMatchObject({ state: "granted" });
    expect(await stub.startRun(randomDigest(), lease, HOLD_SECONDS, 1)).toBe("started");
  });
});

test("an object that was left alone for a year is believed after a day, and forgets", async () => {
  const stub = newDeliveries();
  await stub.finish(key, lease, paid, NOW + 3600);
  await ringAt(stub, NOW + YEAR);
  await evictDurableObject(stub);
  await ringAt(stub, NOW + YEAR + DAY - 1);
  expect((await rowsOf(stub))["delivery"]).toHaveLength(1);
  await ringAt(stub, NOW + YEAR + DAY);
  expect(await stored(stub)).toEqual(NOTHING);
});

test("a clock that was right again in between is doubted anew", async () => {
  const stub = newDeliveries();
  await stub.finish(key, lease, paid, NOW + 3600);
  await ringAt(stub, NOW + YEAR);
  await ringAt(stub, NOW + 60);
  await ringAt(stub, NOW + YEAR + DAY);
  expect((await rowsOf(stub))["delivery"]).toHaveLength(1);
});

describe("the register of a day", () => {
  const TODAY = NOW - (NOW % DAY);
  const sale = (number: number, status: RecordedSale["status"] = "delivered", paymentId?: string): RecordedSale => ({
    transaction: number.toString(16).padStart(64, "0") as RecordedSale["transaction"],
    key: other,
    route: "GET /premium",
    status,
    payer: "payer" as RecordedSale["payer"],
    amount: "10000",
    ...(paymentId !== undefined && { paymentId }),
  });

  test("has one row a sale, in which delivered is final unless the seller says so [register-rows]", async () => {
    const stub = newDeliveries();
    await stub.recordSales([sale(1, "owed"), sale(2, "delivered", "order-1"), sale(1, "delivered"), sale(2, "owed")], TODAY);
    expect(await stub.listSales("")).toEqual([sale(1), sale(2, "delivered", "order-1")]);
    expect(await stub.reopenSale(sale(2).transaction)).toMatchObject({ status: "owed" });
    expect(await stub.reopenSale(sale(3).transaction)).toBeUndefined();
    await stub.recordSales([sale(2)], TODAY);
    expect(await stub.listSales(sale(1).transaction)).toEqual([sale(2, "delivered", "order-1")]);
  });

  test("is read in pages", async () => {
    const stub = newDeliveries();
    const sales = Array.from({ length: SALES_PAGE + 1 }, (_, i) => sale(i));
    await stub.recordSales(sales, TODAY);
    const first = await stub.listSales("");
    expect(first).toEqual(sales.slice(0, SALES_PAGE));
    expect(await stub.listSales(first.at(-1)?.transaction ?? "")).toEqual(sales.slice(SALES_PAGE));
  });

  test("is kept for 400 days, then deletes itself [register-forgets]", async () => {
    const stub = newDeliveries();
    await stub.recordSales([sale(1)], TODAY);
    await ringAt(stub, NOW + SWEEP_INTERVAL_SECONDS);
    expect(await alarmOf(stub)).toBe(TODAY + SALES_RETENTION_SECONDS + 1);
    expect(await stub.listSales("")).toEqual([sale(1)]);
    await ringAt(stub, TODAY + SALES_RETENTION_SECONDS + 1);
    expect(await stored(stub)).toEqual(NOTHING);
  });

  test("is not made by questions", async () => {
    const stub = newDeliveries();
    expect([await stub.listSales(""), await stub.reopenSale(sale(1).transaction)]).toEqual([[], undefined]);
    expect(await stored(stub)).toEqual(NOTHING);
  });

  test("a payment is reopened unless it is being served, and an answer that was not kept makes room [reopened]", async () => {
    const stub = newDeliveries();
    await stub.begin(key, lease, HOLD_SECONDS);
    expect(await stub.reopen(key, receipt, NOW + DAY)).toBe(false);
    await stub.finish(key, lease, { state: "delivered" }, NOW + DAY);
    await stub.claim(other, key, lease, HOLD_SECONDS);
    await stub.store(other, lease, reservation, undefined);
    await stub.paid(other, receipt);
    expect(await stub.reopen(key, receipt, NOW + DAY)).toBe(true);
    expect(await stub.resume(key, rival, HOLD_SECONDS)).toEqual({ granted: true, remembered: paid });
    expect(await stub.recall(other, key)).toBeUndefined();
  });
});

/** Sales of an isolate that go out together. */

import { Hono } from "hono";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { SALES_BATCH_MILLIS } from "../../../shared/limits.ts";
import { unixNow } from "../../../shared/time.ts";
import { newPayer, randomId } from "../../../test/signed.ts";
import type { RecordedSale } from "./memory/sales-register.ts";
import type { PaywallEnv, PresentedPayment } from "./types.ts";

// Its own copy: other tests of this process sell, too.
vi.resetModules();
const { recordSale } = await import("./record-sale.ts");

const recorded: (readonly RecordedSale[])[] = [];
let isUp = true;
const register = {
  async recordSales(sales: readonly RecordedSale[]) {
    if (!isUp) throw new Error("the register is away");
    recorded.push(sales);
    return true;
  },
};
const env = { DELIVERIES: { getByName: () => register } };
const ctx = { waitUntil: () => undefined, passThroughOnException: () => undefined, props: {} };
const from = (await newPayer()).account;
const to = (await newPayer()).account;

const shop = new Hono<PaywallEnv>().get("/item", (c) => {
  recordSale(c, { answered: true, delivered: true }, payment());
  return c.text("goods");
});
const sell = async () => (await shop.request("/item", {}, env, ctx)).text();

function payment(): PresentedPayment {
  const facts = { payer: from, amount: "1", key: randomId(), transaction: randomId(), validAfter: unixNow() };
  return { payment: {}, offer: { payTo: to, network: "logos:lez-testnet" }, facts } as unknown as PresentedPayment;
}

beforeEach(() => void vi.useFakeTimers());
afterEach(async () => {
  isUp = true;
  await vi.advanceTimersByTimeAsync(10 * SALES_BATCH_MILLIS);
  recorded.length = 0;
  vi.useRealTimers();
});

test("records the sales of a moment together, with one timer", async () => {
  for (let sale = 0; sale < 3; sale++) await sell();
  expect(vi.getTimerCount()).toBe(1);
  await vi.advanceTimersByTimeAsync(SALES_BATCH_MILLIS);
  expect(recorded.map(({ length }) => length)).toEqual([3]);
  await sell();
  await vi.advanceTimersByTimeAsync(SALES_BATCH_MILLIS);
  expect(recorded.map(({ length }) => length)).toEqual([3, 1]);
});

test("records a sale whose timer died with its request beside a later sale", async () => {
  await sell();
  vi.clearAllTimers();
  await vi.advanceTimersByTimeAsync(SALES_BATCH_MILLIS);
  await sell();
  expect(vi.getTimerCount()).toBe(0);
  await vi.advanceTimersByTimeAsync(SALES_BATCH_MILLIS);
  await sell();
  await vi.advanceTimersByTimeAsync(SALES_BATCH_MILLIS);
  expect(recorded.map(({ length }) => length)).toEqual([3]);
});

test("trusts no timer of a time that is still to come: the clock was set back", async () => {
  await sell();
  vi.clearAllTimers();
  vi.setSystemTime(Date.now() - 3600_000);
  await sell();
  await vi.advanceTimersByTimeAsync(SALES_BATCH_MILLIS);
  expect(recorded.map(({ length }) => length)).toEqual([2]);
});

test("records what a register did not take beside the next sale", async () => {
  isUp = false;
  await sell();
  await vi.advanceTimersByTimeAsync(SALES_BATCH_MILLIS);
  isUp = true;
  await sell();
  await vi.advanceTimersByTimeAsync(SALES_BATCH_MILLIS);
  expect(recorded.map(({ length }) => length)).toEqual([2]);
});

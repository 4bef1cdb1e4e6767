/** The data points that a merchant writes where PAYMENT_METRICS is bound: one for each line of its log, in the documented columns. */

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { PAYMENT_IDENTIFIER, withIdentifier } from "../../shared/extensions/payment-identifier.ts";
import type { MetricsDataset } from "../../shared/metrics.ts";
import { isolateDeliveries } from "../../workers/merchant/paywall/memory/isolate.ts";
import { createWorld, memoryAnswers, PRICE, receiptOf, verdict } from "./world.ts";

type Point = Parameters<MetricsDataset["writeDataPoint"]>[0];
let points: Point[] = [];
let world: Awaited<ReturnType<typeof createWorld>>;
beforeEach(async () => {
  vi.spyOn(console, "log").mockImplementation(() => {});
  points = [];
  world = await createWorld();
  Object.assign(world.env, { PAYMENT_METRICS: { writeDataPoint: (point: Point) => void points.push(point) } });
});
afterEach(() => vi.restoreAllMocks());

/** Columns: index1 and blob1 the event, blob2 the code, double1 atomic units, double2 milliseconds. */
const point = (event: string, code = "", amount = 0): Point => ({ indexes: [event], blobs: [event, code], doubles: [amount, 0] });

test("a sale, with its price; a refusal, with its code; nothing for a price that is only asked", async () => {
  const shop = world.shop((c) => c.text("goods"));
  const payment = await shop.approved("/item/1");
  expect(points).toEqual([]);
  expect(verdict(await shop.pay("/item/1", payment))).toBe("200");
  expect(verdict(await shop.pay("/item/1", payment))).toBe("402 nonce_replayed");
  expect(points).toEqual([point("payment.delivered", "", Number(PRICE)), point("payment.refused", "nonce_replayed")]);
});

test("a capture without an answer is pending", async () => {
  const shop = world.shop((c) => c.text("goods"));
  const payment = await shop.approved("/item/1");
  world.rpc.capture = () => Promise.reject(new Error("down"));
  expect(verdict(await shop.pay("/item/1", payment))).toBe("402 settlement_pending");
  expect(points).toEqual([point("payment.refused", "settlement_pending")]);
});

test("money without goods is owed, until they are delivered [payment-owed]", async () => {
  const works = { now: false };
  const shop = world.shop((c) => (works.now ? c.text("goods") : c.text("not yet", 503)), { flow: "upfront" });
  const payment = await shop.approved("/item/1");
  expect(verdict(await shop.pay("/item/1", payment))).toBe("503");
  works.now = true;
  expect(verdict(await shop.pay("/item/1", payment))).toBe("200");
  expect(points).toEqual([point("payment.owed"), point("payment.delivered", "", Number(PRICE))]);
});

test("owed is also what a handler throws that no framework answers", async () => {
  const shop = world.shop(
    () => {
      throw "not an Error"; // oxlint-disable-line typescript/only-throw-error, no-throw-literal -- that is the point
    },
    { flow: "upfront" },
  );
  const payment = await shop.approved("/item/1");
  await expect(shop.pay("/item/1", payment)).rejects.toBe("not an Error");
  expect(points).toEqual([point("payment.owed", "internal_error")]);
});

test("a stored answer that goes out again is no second sale", async () => {
  const memory = isolateDeliveries();
  const answers = memoryAnswers();
  Object.assign(world.env, { DELIVERIES: { getByName: () => ({ ...memory, ...answers }) } });
  const shop = world.shop((c) => c.text("goods"));
  const extensions = { [PAYMENT_IDENTIFIER]: withIdentifier({ info: { required: false } }, "pay_0123456789abcdef") };
  const payment = { ...(await shop.approved("/item/1")), extensions };
  const sold = [await shop.pay("/item/1", payment), await shop.pay("/item/1", payment)];
  expect(sold.map(verdict)).toEqual(["200", "200"]);
  expect(points).toEqual([point("payment.delivered", "", Number(PRICE)), point("payment.redelivered")]);
  const lines = vi.mocked(console.log).mock.calls.map(([line]) => JSON.parse(String(line)) as { transaction: string });
  expect(lines.map(({ transaction }) => transaction)).toEqual(sold.map((answer) => receiptOf(answer)?.transaction));
});

test("a handler that fails under a hold owes nothing", async () => {
  const shop = world.shop((c) => c.text("not yet", 503));
  expect(verdict(await shop.pay("/item/1", await shop.approved("/item/1")))).toBe("503");
  expect(points).toEqual([point("payment.released")]);
});

test("a dataset that takes no more stops no payment", async () => {
  Object.assign(world.env, {
    PAYMENT_METRICS: {
      writeDataPoint: () => {
        throw new Error("too many points");
      },
    },
  });
  const shop = world.shop((c) => c.text("goods"));
  expect(verdict(await shop.pay("/item/1", await shop.approved("/item/1")))).toBe("200");
});

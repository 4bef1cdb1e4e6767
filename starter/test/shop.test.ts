/** Buys each route in Node.js, and tries what goes wrong. */

import { receiptOf, testShop } from "lez-agent-pay/testing";
import { expect, test } from "vitest";
import app from "../index.ts";

test("sells the report", async () => {
  const shop = testShop(app);
  const buyer = await shop.buyer({ balance: "100000" });
  const answer = await buyer.fetch("/report");

  expect(answer.status).toBe(200);
  expect(await answer.json()).toHaveProperty("report");
  expect(receiptOf(answer)).toMatchObject({ success: true, amount: "10000" });
  expect((await buyer.balance()).balance).toBe("90000");
  expect(await shop.settlements()).toHaveLength(1);
});

test.each([
  ["1", "1000"],
  ["7", "7000"],
])("sells a forecast of %s days for %s", async (days, price) => {
  const shop = testShop(app);
  const buyer = await shop.buyer({ balance: price });
  const answer = await buyer.fetch(`/forecast?days=${days}`);

  expect(await answer.json()).toMatchObject({ forecast: { length: Number(days) } });
  expect((await buyer.balance()).balance).toBe("0");
});

test("asks no money for a forecast that it does not have", async () => {
  const shop = testShop(app);
  const answer = await shop.fetch("/forecast?days=8");

  expect(answer.status).toBe(400);
  expect(answer.headers.has("PAYMENT-REQUIRED")).toBe(false);
});

test("counts the words of the text that was paid for, and of no other", async () => {
  const shop = testShop(app);
  const buyer = await shop.buyer({ balance: "100000" });
  const text = { method: "POST", body: "to be or not to be" };

  expect(await (await buyer.fetch("/count", text)).json()).toEqual({ words: 6 });
  const payment = await buyer.sign("/count", text);
  const other = await buyer.present(payment, "/count", { method: "POST", body: "another text" });
  expect(other.status).toBe(402);
  expect((await buyer.balance()).balance).toBe("98000");
});

test("a buyer without money gets nothing", async () => {
  const shop = testShop(app);
  const buyer = await shop.buyer({ balance: "9999" });
  const answer = await buyer.fetch("/report");

  expect([answer.status, answer.headers.get("X-Payment-Error")]).toEqual([402, "insufficient_funds"]);
});

test("a payment buys once", async () => {
  const shop = testShop(app);
  const buyer = await shop.buyer({ balance: "100000" });
  const payment = await buyer.sign("/report");

  expect((await buyer.present(payment, "/report")).status).toBe(200);
  const again = await buyer.present(payment, "/report");
  expect(again.headers.get("X-Payment-Error")).toBe("nonce_replayed");
});

test("when the facilitator's answer is lost, the same payment fetches the goods", async () => {
  const shop = testShop(app);
  const buyer = await shop.buyer({ balance: "100000" });
  const payment = await buyer.sign("/report");

  shop.fail("unknown");
  const pending = await buyer.present(payment, "/report");
  expect(pending.headers.get("X-Payment-Error")).toBe("settlement_pending");

  shop.recover();
  expect((await buyer.present(payment, "/report")).status).toBe(200);
  expect((await buyer.balance()).balance).toBe("90000");
});

test("its OpenAPI document has the price of each route", async () => {
  const answer = await testShop(app).fetch("/openapi.json");
  const { paths } = (await answer.json()) as { paths: Record<string, Record<string, { "x-payment-info": { price: object } }>> };

  expect(Object.keys(paths)).toEqual(["/report", "/forecast", "/count"]);
  expect(paths["/report"]?.["get"]?.["x-payment-info"].price).toEqual({ mode: "fixed", currency: "LGO", amount: "0.00001" });
});

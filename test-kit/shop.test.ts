/** The test kit, as a shop's own tests use it under Node.js. In workerd, `npm run starter` uses it. */

import { readFileSync } from "node:fs";
import { Hono } from "hono";
import { describe, expect, test, vi } from "vitest";
import { PAYMENT_ERROR } from "../shared/x402/headers.ts";
import { paywall, type PaywallEnv, type PaywallOptions } from "../workers/merchant/paywall/index.ts";
import { type FacilitatorRpc } from "../workers/merchant/paywall/types.ts";
import { receiptOf, type TestBuyer, testShop } from "./node.ts";

const handled = vi.fn();
const PRICE = "10000";

function app(options: Partial<PaywallOptions> = {}) {
  handled.mockClear();
  const app = new Hono<PaywallEnv>();
  app.get("/free", (c) => c.text("free"));
  app.all("/item", paywall({ amount: PRICE, ...options }), (c) => {
    handled();
    return c.text(`for ${c.get("payment").payer}`);
  });
  app.post("/echo", paywall({ amount: "3000" }), async (c) => c.text(await c.req.text()));
  app.get("/broken", paywall({ amount: PRICE }), (c) => c.text("broken", 503));
  return app;
}

const verdict = (answer: Response) => `${answer.status} ${answer.headers.get(PAYMENT_ERROR) ?? ""}`.trim();
const left = async (buyer: TestBuyer) => (await buyer.balance()).balance;

test("a shop's own test buys a route in three lines [kit-three-lines]", async () => {
  const shop = testShop(app());
  const buyer = await shop.buyer({ balance: "100000" });
  const answer = await buyer.fetch("/item");

  expect([answer.status, await answer.text()]).toEqual([200, `for ${buyer.account}`]);
  expect(receiptOf(answer)).toMatchObject({ success: true, amount: PRICE, payer: buyer.account });
  expect(await buyer.balance()).toEqual({ balance: "90000", held: "0" });
  expect(await shop.balance()).toEqual({ balance: PRICE, held: "0" });
  expect(await shop.settlements()).toEqual([{ transaction: receiptOf(answer)?.transaction, payer: buyer.account, amount: PRICE }]);
});

test("a body is bought with the request, and a route that is free is not paid for", async () => {
  const shop = testShop(app());
  const buyer = await shop.buyer({ balance: "3000" });
  expect((await buyer.offer("/echo", { method: "POST", body: "hello" })).amount).toBe("3000");
  expect(await (await buyer.fetch("/free")).text()).toBe("free");
  expect(await (await buyer.fetch("/echo", { method: "POST", body: "hello" })).text()).toBe("hello");
  expect(await left(buyer)).toBe("0");
  await expect(buyer.offer("/free")).rejects.toThrow("/free asks for no payment: it answers 200");
});

test("a form is bought, though its boundary is another one each time that it is encoded", async () => {
  const shop = testShop(app());
  const buyer = await shop.buyer({ balance: "3000" });
  const form = new FormData();
  form.set("name", "value");
  expect(await (await buyer.fetch("/echo", { method: "POST", body: form })).text()).toContain('name="name"');
});

test("app.request() of Hono pays at the same facilitator", async () => {
  const shop = testShop(app());
  const buyer = await shop.buyer({ balance: PRICE });
  const payment = await buyer.sign("/item");
  const headers = { "PAYMENT-SIGNATURE": btoa(JSON.stringify(payment)) };
  expect((await app().request("https://shop.example/item", { headers }, shop.env)).status).toBe(200);
  expect(await left(buyer)).toBe("0");
});

test("one app is sold by as many test shops as there are tests, and none sees the others' money", async () => {
  const one = app();
  for (const balance of ["10000", "20000"]) {
    const shop = testShop(one);
    const buyer = await shop.buyer({ balance });
    expect((await buyer.fetch("/item")).status).toBe(200);
    expect((await shop.balance()).balance).toBe(PRICE);
  }
});

describe("the facilitator is real: it refuses", () => {
  test("a buyer without enough money", async () => {
    const shop = testShop(app());
    for (const balance of ["0", "9999"]) {
      const buyer = await shop.buyer({ balance });
      expect(verdict(await buyer.fetch("/item"))).toBe("402 insufficient_funds");
      expect(await left(buyer)).toBe(balance);
    }
    expect(handled).not.toHaveBeenCalled();
    expect(await shop.settlements()).toEqual([]);
  });

  test("a payment that was used", async () => {
    const shop = testShop(app());
    const buyer = await shop.buyer({ balance: "100000" });
    const payment = await buyer.sign("/item");
    expect(verdict(await buyer.present(payment, "/item"))).toBe("200");
    expect(verdict(await buyer.present(payment, "/item"))).toBe("402 nonce_replayed");
    expect([handled.mock.calls.length, await left(buyer)]).toEqual([1, "90000"]);
  });

  test("a payment of another amount, even if the shop would take it", async () => {
    const shop = testShop(app());
    const buyer = await shop.buyer({ balance: "100000" });
    const payment = await buyer.sign("/item");
    const cheaper = { ...payment, accepted: { ...payment.accepted, amount: "1" } };
    expect(verdict(await buyer.present(cheaper, "/item"))).toBe("402 amount_mismatch");
    const { FACILITATOR } = shop.env as unknown as { FACILITATOR: FacilitatorRpc };
    const command = { payment: { paymentPayload: payment, paymentRequirements: cheaper.accepted }, settlementId: "ab".repeat(32) };
    expect(await FACILITATOR.settle(command as Parameters<typeof FACILITATOR.settle>[0], "")).toMatchObject({
      errorReason: "amount_mismatch",
    });
    expect(await left(buyer)).toBe("100000");
  });

  test("a payment for another body, and another buyer's signature", async () => {
    const shop = testShop(app());
    const [buyer, thief] = [await shop.buyer({ balance: "100000" }), await shop.buyer({ balance: "0" })];
    const payment = await buyer.sign("/echo", { method: "POST", body: "one" });
    expect(verdict(await buyer.present(payment, "/echo", { method: "POST", body: "two" }))).toBe("402 binding_mismatch");
    const stolen = { ...payment, payload: { ...payment.payload, signature: (await thief.sign("/item")).payload["signature"] } };
    expect(verdict(await buyer.present(stolen, "/echo", { method: "POST", body: "one" }))).toBe("402 invalid_signature");
    expect(await left(buyer)).toBe("100000");
  });
});

test("money is held while the handler runs, and a handler that fails costs nothing", async () => {
  const shop = testShop(app());
  const buyer = await shop.buyer({ balance: "100000" });
  const held: string[] = [];
  handled.mockImplementationOnce(() => void buyer.balance().then((balance) => held.push(balance.held)));
  expect((await buyer.fetch("/item")).status).toBe(200);
  expect(held).toEqual([PRICE]);
  expect((await buyer.fetch("/broken")).status).toBe(503);
  expect(await buyer.balance()).toEqual({ balance: "90000", held: "0" });
});

describe("a facilitator that fails on demand", () => {
  test("refuses: nothing moves, and the handler does not run", async () => {
    for (const flow of ["authorization", "upfront"] as const) {
      const shop = testShop(app({ flow }));
      const buyer = await shop.buyer({ balance: PRICE });
      shop.fail("refused");
      expect([flow, verdict(await buyer.fetch("/item")), await left(buyer)]).toEqual([flow, "402 payment_revoked", PRICE]);
      expect(handled).not.toHaveBeenCalled();
    }
  });

  test("is unavailable: nothing moves, and the shop sells again when it is back", async () => {
    const shop = testShop(app());
    const buyer = await shop.buyer({ balance: PRICE });
    shop.fail("unavailable");
    expect(verdict(await buyer.fetch("/item"))).toBe("503 facilitator_unavailable");
    shop.recover();
    const payment = await buyer.sign("/item");
    shop.fail("unavailable");
    expect(verdict(await buyer.present(payment, "/item"))).toBe("503 facilitator_unavailable");
    expect([handled.mock.calls.length, await left(buyer)]).toEqual([0, PRICE]);
    shop.recover();
    expect(verdict(await buyer.present(payment, "/item"))).toBe("200");
  });

  test("is unavailable when the money would move first: the shop cannot know, and the same payment buys later", async () => {
    const shop = testShop(app({ flow: "upfront" }));
    const buyer = await shop.buyer({ balance: PRICE });
    const payment = await buyer.sign("/item");
    shop.fail("unavailable");
    expect([verdict(await buyer.present(payment, "/item")), await left(buyer)]).toEqual(["402 settlement_pending", PRICE]);
    shop.recover();
    expect([verdict(await buyer.present(payment, "/item")), await left(buyer)]).toEqual(["200", "0"]);
  });

  test("loses its answer: the money moved, the buyer is told so, and the same payment fetches the goods", async () => {
    for (const flow of ["authorization", "upfront"] as const) {
      const shop = testShop(app({ flow }));
      const buyer = await shop.buyer({ balance: "100000" });
      const payment = await buyer.sign("/item");
      shop.fail("unknown");
      expect([flow, verdict(await buyer.present(payment, "/item"))]).toEqual([flow, "402 settlement_pending"]);
      expect(await left(buyer)).toBe("90000");
      shop.recover();
      expect([flow, verdict(await buyer.present(payment, "/item"))]).toEqual([flow, "200"]);
      expect([await left(buyer), (await shop.settlements()).length]).toEqual(["90000", 1]);
    }
  });
});

describe("what a seller can get wrong is said", () => {
  test("an amount that is none, and an account that is none", async () => {
    const shop = testShop(app());
    for (const balance of ["0.5", "-1", "1e9", "", "007"])
      await expect(shop.buyer({ balance })).rejects.toThrow("atomic units as a decimal string");
    await expect(shop.buyer({ balance: String(10n ** 18n + 1n) })).rejects.toThrow("insufficient_funds");
    await expect(shop.balance("shop")).rejects.toThrow("not a LEZ account");
  });

  test("an offer that agents refuse to pay, because it is bound to another address", async () => {
    const shop = testShop({ fetch: (request, env) => app().fetch(new Request("https://elsewhere.example/item", request), env) });
    const buyer = await shop.buyer({ balance: PRICE });
    await expect(buyer.fetch("/item")).rejects.toThrow("bound to another request than GET https://shop.example/item");
  });
});

test("docs/selling.md shows the first test of the starter, and the starter's configuration", () => {
  const read = (file: string) => readFileSync(new URL(`../${file}`, import.meta.url), "utf8");
  const page = read("docs/selling.md").split("## Testing a shop\n")[1] ?? "";
  const [example = "", configuration = ""] = [...page.matchAll(/^```ts\n(.*?)^```/gms)].map(([, program = ""]) => program);
  expect(read("starter/test/shop.test.ts")).toContain(example);
  for (const line of configuration.trim().split("\n")) expect(read("starter/vitest.config.ts")).toContain(line.replace(/;$/, ""));
});

test("keeps the seller's own bindings, but for a facilitator by URL", async () => {
  const env = { PUBLIC_ORIGIN: "https://goods.example", FACILITATOR_URL: "http://127.0.0.1:9", FACILITATOR_KEY: "k", OWN: 1 };
  const shop = testShop(app(), { env });
  expect(Object.keys(shop.env).toSorted()).toEqual(["FACILITATOR", "OWN", "PAY_TO", "PUBLIC_ORIGIN"]);
  const buyer = await shop.buyer({ balance: PRICE });
  expect((await buyer.fetch("/item")).status).toBe(200);
});

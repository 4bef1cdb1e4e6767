/** Several offers on one route: a payment buys by the offer that it matches. */

import { Hono } from "hono";
import { beforeEach, describe, expect, test } from "vitest";
import { approve, ask } from "../../agent-cli/demo/people.ts";
import { DEMO_MERCHANT_ACCOUNT, DEMO_RECEIPT_KEY } from "../../shared/demo.ts";
import { signedOfferOf } from "../../shared/evidence/parts.ts";
import { MAX_ACCEPTS } from "../../shared/limits.ts";
import type { PaymentPayload } from "../../shared/x402/x402.ts";
import { type OffersOptions, paymentInfo, paywall, type PaywallEnv } from "../../workers/merchant/paywall/index.ts";
import { merchantSigner } from "../../workers/merchant/paywall/terms/signer.ts";
import { createWorld, ORIGIN, receiptOf, termsOf, verdict } from "./world.ts";

let world: Awaited<ReturnType<typeof createWorld>>;
let bought: { offer: number; amount: string }[];
/** The payee of the second offer. */
let other: string;
beforeEach(async () => {
  world = await createWorld();
  bought = [];
  other = world.people.agent.account;
});

function shopOf(options: OffersOptions) {
  const app = new Hono<PaywallEnv>();
  app.get("/item/*", paywall(options), (c) => {
    const { offer, amount } = c.get("payment");
    bought.push({ offer, amount });
    return c.text("goods");
  });
  const { get, pay } = world.around(app);
  return {
    get,
    pay,
    /** A payment by the offer at this place, with the 402's extensions, as the official client sends them. */
    async approved(index: number, path = "/item/1"): Promise<PaymentPayload> {
      const required = termsOf(await get(path));
      const offer = required?.accepts[index];
      if (!required || !offer) throw new Error("no such offer");
      const { agent, owner } = world.people;
      const request = await ask(agent, { method: "GET", url: `${ORIGIN}${path}` }, offer, "The brief asks for this, and it is sold.");
      return { ...(await approve(owner, request)), extensions: required.extensions };
    },
  };
}

const three = (): OffersOptions => ({
  description: "A report",
  maxTimeoutSeconds: 600,
  offers: [
    { amount: "10000", description: "today" },
    { amount: "30000", payTo: other, description: "at once", flow: "upfront" },
    { amount: "20000", maxTimeoutSeconds: 60 },
  ],
});

test("each is an entry of accepts, in order; what stands beside them holds for all [offers-listed]", async () => {
  const terms = termsOf(await shopOf(three()).get("/item/1"));
  expect(terms?.resource).toMatchObject({ description: "A report" });
  expect(terms?.accepts).toMatchObject([
    { scheme: "exact", amount: "10000", payTo: DEMO_MERCHANT_ACCOUNT, maxTimeoutSeconds: 600, extra: { description: "today" } },
    { amount: "30000", payTo: other, maxTimeoutSeconds: 600, extra: { description: "at once", paymentFlow: "upfront" } },
    { amount: "20000", payTo: DEMO_MERCHANT_ACCOUNT, maxTimeoutSeconds: 60 },
  ]);
  expect(new Set(terms?.accepts.map(({ extra }) => extra?.["binding"])).size).toBe(3);
});

test.each([
  [0, "10000"],
  [1, "30000"],
  [2, "20000"],
])("the one at %i is bought for %s, and the handler is told which", async (index, amount) => {
  const shop = shopOf(three());
  const payment = await shop.approved(index);
  const paid = await shop.pay("/item/1", payment);
  expect([verdict(paid), receiptOf(paid)?.amount]).toEqual(["200", amount]);
  expect(bought).toEqual([{ offer: index, amount }]);
  expect(world.ledger.account(index === 1 ? world.people.agent.account : DEMO_MERCHANT_ACCOUNT).balance).toBe(amount);
  expect(verdict(await shop.pay("/item/1", payment))).toBe("402 nonce_replayed");
});

test.each<[what: string, change: object, code: string]>([
  ["an amount of none of them", { amount: "15000" }, "amount_mismatch"],
  ["the payee of one and the amount of another", { payTo: "11111111111111111111111111111112" }, "recipient_mismatch"],
  ["the flow of another", { extra: {} }, "ledger_mismatch"],
])("%s buys nothing", async (_what, change, code) => {
  const shop = shopOf(three());
  const payment = await shop.approved(0);
  const refused = await shop.pay("/item/1", { ...payment, accepted: { ...payment.accepted, ...change } });
  expect(verdict(refused)).toBe(`402 ${code}`);
  expect(termsOf(refused)?.accepts).toHaveLength(3);
});

test("a payment by the second offer for another address is told so", async () => {
  const shop = shopOf(three());
  expect(verdict(await shop.pay("/item/2", await shop.approved(1)))).toBe("402 binding_mismatch");
});

test("a merchant with a key signs each of them", async () => {
  Object.assign(world.env, { RECEIPT_KEY: DEMO_RECEIPT_KEY });
  const shop = shopOf(three());
  const required = termsOf(await shop.get("/item/1"));
  const { publicKey } = await merchantSigner(DEMO_RECEIPT_KEY, ORIGIN);
  const found = await Promise.all(
    (required?.accepts ?? []).map((offer) => required && signedOfferOf(required, offer, new URL(`${ORIGIN}/item/1`), [publicKey])),
  );
  expect(new Set(found.map((jws) => jws?.signature)).size).toBe(3);
  expect(required?.extensions).toMatchObject({
    "offer-receipt": { info: { offers: [{ acceptIndex: 0 }, { acceptIndex: 1 }, { acceptIndex: 2 }] } },
  });
  expect(verdict(await shop.pay("/item/1", await shop.approved(2)))).toBe("200");
});

describe("with a price by request among them", () => {
  test("each is bought at the price of now", async () => {
    let price = "7000";
    const shop = shopOf({ offers: [{ amount: () => price }, { amount: "10000" }] });
    const [first, second] = [await shop.approved(0), await shop.approved(1)];
    price = "8000";
    const refused = await shop.pay("/item/1", first);
    expect([verdict(refused), termsOf(refused)?.accepts.map(({ amount }) => amount)]).toEqual(["402 amount_mismatch", ["8000", "10000"]]);
    expect(verdict(await shop.pay("/item/1", second))).toBe("200");
    expect(bought).toEqual([{ offer: 1, amount: "10000" }]);
  });
});

test("an OpenAPI document has them all", () => {
  const { "x-payment-info": info } = paymentInfo(three());
  expect(info.protocols).toMatchObject(["10000", "30000", "20000"].map((amount) => ({ x402: { amount } })));
  expect(paymentInfo({ amount: () => "1" })["x-payment-info"].price).toEqual({ mode: "dynamic", currency: "LGO" });
});

describe("a seller's mistake shows when the Worker starts", () => {
  const one = { amount: "1" };
  test("not where two offers pay accounts by request", () => {
    const payTo = () => other;
    paywall({
      offers: [
        { ...one, payTo },
        { ...one, payTo },
      ],
    });
  });
  test.each<[what: string, options: object]>([
    ["offers", { offers: [] }],
    ["offers", { offers: Array.from({ length: MAX_ACCEPTS + 1 }, (_, n) => ({ amount: String(n + 1) })) }],
    ["offers", { offers: one }],
    ["exclude each other", { amount: "1", offers: [one] }],
    ["amount", {}],
    ["amount", { offers: [{}] }],
    ["amount", { offers: [one, { amount: "0" }] }],
    ["payTo", { offers: [one, { amount: "2", payTo: "me" }] }],
    [
      "must differ",
      {
        offers: [
          { ...one, description: "a" },
          { ...one, description: "b" },
        ],
      },
    ],
  ])("%s", (what, options) => {
    expect(() => paywall(options as OffersOptions)).toThrow(new RegExp(`^paywall: .*${what}`));
  });
});

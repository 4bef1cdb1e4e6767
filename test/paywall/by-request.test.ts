/**
 * Terms by request. A payment takes new money at the price of now, or at one that the merchant signed a moment ago; what was paid is
 * delivered whatever the price is meanwhile.
 */

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { Hono } from "hono";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { approve, ask } from "../../agent-cli/demo/people.ts";
import { randomDigest } from "../../shared/crypto/digest.ts";
import { DEMO_MERCHANT_ACCOUNT, DEMO_RECEIPT_KEY } from "../../shared/demo.ts";
import { PAYMENT_IDENTIFIER, withIdentifier } from "../../shared/extensions/payment-identifier.ts";
import { MAX_CACHED_CHALLENGES, SELLER_FUNCTION_SECONDS } from "../../shared/limits.ts";
import type { PaymentPayload, PaymentRequirements } from "../../shared/x402/x402.ts";
import type { PaywallEnv } from "../../workers/merchant/paywall/index.ts";
import { isolateDeliveries } from "../../workers/merchant/paywall/memory/isolate.ts";
import { checkOptions, type PaywallOptions } from "../../workers/merchant/paywall/options.ts";
import { callSeller } from "../../workers/merchant/paywall/seller-function.ts";
import { Challenges } from "../../workers/merchant/paywall/terms/challenge.ts";
import { createWorld, memoryAnswers, ORIGIN, PRICE, receiptOf, termsOf, verdict } from "./world.ts";

const OTHER_KEY = "5a".repeat(32);
const REASON = "The brief asks for this, and no free source has it.";

let world: Awaited<ReturnType<typeof createWorld>>;
/** What the seller's function returns; it throws an Error that is put here. */
let price: unknown;
let asked: number;
let runs: number;
let works: boolean;
/** A fault is logged once a minute. */
let minutes = 0;

beforeEach(async () => {
  [price, asked, runs, works] = [PRICE, 0, 0, true];
  world = await createWorld();
});
afterEach(() => void vi.useRealTimers());

function move(seconds: number): void {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + seconds * 1000 });
  world.clock.now += seconds;
}

const amount = async () => {
  asked++;
  if (price instanceof Error) throw price;
  return price as string;
};

function shopWith(options: Partial<PaywallOptions> = {}) {
  return world.shop((c) => (runs++, works ? c.text("goods") : c.text("not yet", 503)), { amount, ...options });
}

/** As the official client pays: it echoes the extensions of the 402. */
async function approvedWithEcho(shop: ReturnType<typeof shopWith>, path = "/item/1", later = 0): Promise<PaymentPayload> {
  const required = termsOf(await shop.get(path));
  const [offer] = required?.accepts ?? [];
  if (!required || !offer) throw new Error("no offer");
  if (later) move(later);
  const payment = await approve(
    world.people.owner,
    await ask(world.people.agent, { method: "GET", url: `${ORIGIN}${path}` }, offer, REASON),
  );
  return { ...payment, extensions: required.extensions };
}

const pays = (response: Response) => termsOf(response)?.accepts.map((offer: PaymentRequirements) => offer.amount);

interface Row {
  facilitator: "binding" | "URL";
  flow: "authorization" | "upfront";
  key: boolean;
  deliveries: boolean;
}
const ROWS: Row[] = (["binding", "URL"] as const).flatMap((facilitator) =>
  (["authorization", "upfront"] as const).flatMap((flow) =>
    [false, true].flatMap((key) => [false, true].map((deliveries) => ({ facilitator, flow, key, deliveries }))),
  ),
);
/** A facilitator by URL needs DELIVERIES. */
const POSSIBLE = ROWS.filter(({ facilitator, deliveries }) => facilitator === "binding" || deliveries);

describe.each(POSSIBLE)("facilitator by $facilitator, flow $flow, RECEIPT_KEY $key, DELIVERIES $deliveries", (row) => {
  const { facilitator, flow, key, deliveries } = row;
  let server: Server;
  /** The facilitator does its work, and its answers are lost. */
  let loses: boolean;

  beforeEach(async () => {
    loses = false;
    const { capture, settle } = world.rpc;
    const lost = async <T>(answer: Promise<T>) => {
      const value = await answer;
      if (loses) throw new Error("lost");
      return value;
    };
    world.rpc.capture = (...args) => lost(capture(...args));
    world.rpc.settle = (...args) => lost(settle(...args));
    server = createServer(async (request, response) => {
      const body = await text(request);
      const payment = body ? JSON.parse(body) : undefined;
      const answer = request.url?.endsWith("/settle")
        ? world.rpc.settle({ payment, settlementId: randomDigest() }, "")
        : request.url?.endsWith("/verify")
          ? { isValid: true }
          : world.rpc.supported("");
      await Promise.resolve(answer).then(
        (value) => response.setHeader("Content-Type", "application/json").end(JSON.stringify(value)),
        () => response.destroy(),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const object = { ...isolateDeliveries(), ...memoryAnswers(), canOpen: async () => true };
    Object.assign(world.env, {
      ...(facilitator === "URL" && { FACILITATOR_URL: url }),
      ...(key && { RECEIPT_KEY: DEMO_RECEIPT_KEY }),
      ...(deliveries && { DELIVERIES: { getByName: () => object } }),
    });
  });
  afterEach(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });

  const shop = () => shopWith({ flow });

  /** Also when the seller's function fails. */
  const PRICES = ["20000", "5000", new Error("no price")];
  const silently = async <T>(work: Promise<T>) => {
    const log = vi.spyOn(console, "log").mockImplementation(() => {});
    return work.finally(() => log.mockRestore());
  };

  test("another price, higher or lower, is refused with the new 402; the price of now is paid once, and whatever it is later [price-used]", async () => {
    const payment = await shop().approved("/item/1");
    for (const now of ["20000", "5000"]) {
      price = now;
      const refused = await shop().pay("/item/1", payment);
      expect([verdict(refused), pays(refused)]).toEqual(["402 amount_mismatch", [now]]);
      expect([world.spent(), world.held(), runs]).toEqual([0n, "0", 0]);
    }
    price = PRICE;
    const paid = await shop().pay("/item/1", payment);
    expect([verdict(paid), receiptOf(paid)?.amount]).toEqual(["200", PRICE]);
    for (const now of PRICES) {
      price = now;
      const again = await silently(shop().pay("/item/1", payment));
      // Without a price the merchant cannot go on to the ledger. The code says to present the same payment again.
      expect(verdict(again)).toBe(now instanceof Error ? "500 internal_error" : "402 nonce_replayed");
    }
    expect([world.spent(), world.held(), runs]).toEqual([BigInt(PRICE), "0", 1]);
  });

  test("a price that the merchant signed a moment ago is kept, where it signs", async () => {
    const payment = await approvedWithEcho(shop());
    price = "20000";
    expect(verdict(await shop().pay("/item/1", payment))).toBe(key ? "200" : "402 amount_mismatch");
    expect(world.spent()).toBe(key ? BigInt(PRICE) : 0n);
  });

  test("paid, and the settlement's answer lost: the goods, and the price is not asked [price-not-asked]", async () => {
    const payment = await shop().approved("/item/1");
    loses = true;
    expect(verdict(await shop().pay("/item/1", payment))).toBe("402 settlement_pending");
    expect(world.spent()).toBe(BigInt(PRICE));
    price = new Error("no price");
    loses = false;
    asked = 0;
    const again = await shop().pay("/item/1", payment);
    expect([verdict(again), await again.text(), receiptOf(again)?.success]).toEqual(["200", "goods", true]);
    expect([world.spent(), asked]).toEqual([BigInt(PRICE), 0]);
  });

  test("a handler that failed: the goods are owed where the money moved, else sold at the price of now", async () => {
    const payment = await shop().approved("/item/1");
    works = false;
    expect((await shop().pay("/item/1", payment)).status).toBe(503);
    const isOwed = flow === "upfront";
    expect(world.spent()).toBe(isOwed ? BigInt(PRICE) : 0n);
    price = new Error("no price");
    asked = 0;
    // Owed goods stay owed until they are delivered.
    expect((await silently(shop().pay("/item/1", payment))).status).toBe(isOwed ? 503 : 500);
    works = true;
    price = isOwed ? price : "20000";
    expect(verdict(await shop().pay("/item/1", payment))).toBe(isOwed ? "200" : "402 amount_mismatch");
    expect([world.spent(), world.held(), asked]).toEqual([isOwed ? BigInt(PRICE) : 0n, "0", isOwed ? 0 : 2]);
  });

  if (!deliveries) return;

  describe("under a payment identifier", () => {
    const identified = async () => {
      const payment = await shop().approved("/item/1");
      return { ...payment, extensions: { [PAYMENT_IDENTIFIER]: withIdentifier({ info: { required: false } }, "pay_0123456789abcdef") } };
    };

    test("a stored answer, with its capture open or paid, asks no price", async () => {
      const payment = await identified();
      // A refusal for the price frees the identifier.
      price = "20000";
      expect(verdict(await shop().pay("/item/1", payment))).toBe("402 amount_mismatch");
      price = PRICE;
      loses = true;
      expect(verdict(await shop().pay("/item/1", payment))).toBe("402 settlement_pending");
      price = new Error("no price");
      loses = false;
      asked = 0;
      for (let time = 0; time < 2; time++) {
        const again = await shop().pay("/item/1", payment);
        expect([verdict(again), await again.text(), receiptOf(again)?.success]).toEqual(["200", "goods", true]);
      }
      expect([asked, runs, world.spent()]).toEqual([0, 1, BigInt(PRICE)]);
    });

    test("a redelivery asks no price", async () => {
      const large = () => world.shop((c) => (runs++, c.text("x".repeat(70_000))), { amount, flow, redeliver: true });
      const payment = await identified();
      expect(verdict(await large().pay("/item/1", payment))).toBe("200");
      await new Promise((resolve) => setTimeout(resolve)); // the receipt is stored while the answer leaves
      price = new Error("no price");
      expect(verdict(await large().pay("/item/1", payment))).toBe("200");
      expect([runs, world.spent()]).toEqual([2, BigInt(PRICE)]);
    });
  });
});

test("a payment without the identifier that is required is refused with the price of now", async () => {
  Object.assign(world.env, {
    DELIVERIES: { getByName: () => ({ ...isolateDeliveries(), ...memoryAnswers(), canOpen: async () => true }) },
  });
  const shop = shopWith({ identifier: "required" });
  const payment = await shop.approved("/item/1");
  price = "20000";
  const refused = await shop.pay("/item/1", payment);
  expect([verdict(refused), pays(refused)]).toEqual(["400 payment_identifier_required", ["20000"]]);
});

describe("a signed offer", () => {
  beforeEach(() => void Object.assign(world.env, { RECEIPT_KEY: DEMO_RECEIPT_KEY }));
  test.each([
    [899, "200"],
    [901, "402 amount_mismatch"],
  ])("of %i seconds ago: %s [price-signed-offer]", async (age, expected) => {
    vi.useFakeTimers({ toFake: ["Date"], now: Math.floor(Date.now() / 1000) * 1000 });
    const shop = shopWith();
    // The owner took its time, so the payment is valid for longer than the offer.
    const payment = await approvedWithEcho(shop, "/item/1", 600);
    price = "20000";
    move(age - 600);
    expect(verdict(await shop.pay("/item/1", payment))).toBe(expected);
  });

  test.each<[what: string, change: (payment: PaymentPayload) => Promise<PaymentPayload["extensions"]>]>([
    ["of another address", async () => (await approvedWithEcho(shopWith(), "/item/2")).extensions],
    ["of another amount", async () => ((price = "20000"), (await approvedWithEcho(shopWith())).extensions)],
    [
      "by another key",
      async () => {
        Object.assign(world.env, { RECEIPT_KEY: OTHER_KEY });
        const { extensions } = await approvedWithEcho(shopWith());
        Object.assign(world.env, { RECEIPT_KEY: DEMO_RECEIPT_KEY });
        return extensions;
      },
    ],
    [
      "altered",
      async ({ extensions }) =>
        JSON.parse(JSON.stringify(extensions).replace(/"signature":"[^."]+\.[^."]+\.../, (all) => `${all.slice(0, -2)}AA`)),
    ],
    ["that is none", async () => ({ "offer-receipt": { info: { offers: [{ format: "jws", signature: "a.b.c" }, null, 7] } } })],
  ])("%s keeps no price", async (_what, change) => {
    const payment = await approvedWithEcho(shopWith());
    const extensions = await change(payment);
    price = "20000";
    expect(verdict(await shopWith().pay("/item/1", { ...payment, extensions }))).toBe("402 amount_mismatch");
    expect(world.spent()).toBe(0n);
  });

  test("keeps a payee that has changed, too, and no more than the offer says", async () => {
    let payee: string = DEMO_MERCHANT_ACCOUNT;
    const shop = shopWith({ amount: PRICE, payTo: () => payee, description: () => "now" });
    const payment = await approvedWithEcho(shop);
    payee = world.people.agent.account;
    const { extensions, ...unsigned } = payment;
    expect(verdict(await shop.pay("/item/1", unsigned))).toBe("402 recipient_mismatch");
    const elsewhere = { ...payment, accepted: { ...payment.accepted, maxTimeoutSeconds: 901 } };
    expect(verdict(await shop.pay("/item/1", elsewhere))).toBe("402 offer_mismatch");
    expect(verdict(await shop.pay("/item/1", { ...payment, extensions }))).toBe("200");
  });
});

describe("a function of the seller's", () => {
  test.each<[what: string, returned: unknown, cause: string]>([
    ["throws", new Error("the price list is gone"), "the price list is gone"],
    ["returns nothing", undefined, "atomic units"],
    ["returns zero", "0", "atomic units"],
    ["returns a number", 10_000, "atomic units"],
    ["returns what has no text", Object.create(null), "atomic units"],
    ["returns a negative", "-1", "atomic units"],
  ])("that %s sells nothing and says why once a minute [price-fails]", async (_what, returned, cause) => {
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 61_000 * ++minutes });
    const payment = await shopWith().approved("/item/1");
    price = returned;
    const log = vi.spyOn(console, "log").mockImplementation(() => {});
    for (const answer of [await shopWith().get("/item/1"), await shopWith().pay("/item/1", payment), await shopWith().get("/item/2")]) {
      expect(verdict(answer)).toBe("500 internal_error");
      expect(termsOf(answer)).toBeUndefined();
    }
    const lines = log.mock.calls.map(([line]) => JSON.parse(String(line)) as Record<string, string>);
    log.mockRestore();
    expect(lines.filter(({ event }) => event === "paywall.misconfigured")).toMatchObject([
      { message: expect.stringContaining("amount"), cause: expect.stringContaining(cause) },
    ]);
    expect([runs, world.spent()]).toEqual([0, 0n]);
  });

  test.each([
    ["payTo", { payTo: () => "me" }],
    ["description", { description: async () => "x".repeat(501) }],
  ])("%s is checked like a constant", async (name, options) => {
    const log = vi.spyOn(console, "log").mockImplementation(() => {});
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 61_000 * ++minutes });
    expect(verdict(await shopWith(options).get("/item/1"))).toBe("500 internal_error");
    expect(String(log.mock.lastCall?.[0])).toContain(`the function ${name}`);
    log.mockRestore();
  });

  test("that does not answer in time counts as failed", async () => {
    vi.useFakeTimers();
    const answer = callSeller("amount", () => new Promise(() => {}));
    const failed = expect(answer).rejects.toMatchObject({ cause: `no answer in ${SELLER_FUNCTION_SECONDS} s` });
    await vi.advanceTimersByTimeAsync(SELLER_FUNCTION_SECONDS * 1000);
    await failed;
  });

  test("sees the request and its body, of which the very bytes stay bound", async () => {
    const seen: string[] = [];
    const shop = world.shop(async (c) => (seen.push(await c.req.raw.clone().text(), await c.req.text()), c.text("goods")), {
      amount: async (c) => String((await c.req.json<{ words: number }>()).words * 10),
      description: (c) => `For ${c.req.method}`,
    });
    const init = { method: "POST", body: '\uFEFF{ "words": 7 }'.slice(1), headers: { "Content-Type": "application/json" } };
    const terms = termsOf(await shop.get("/item/1", init));
    expect(terms).toMatchObject({ resource: { description: "For POST" }, accepts: [{ amount: "70" }] });
    const payment = await shop.approved("/item/1", init);
    expect(verdict(await shop.pay("/item/1", payment, { ...init, body: '{ "words": 8 }' }))).toBe("402 binding_mismatch");
    expect(verdict(await shop.pay("/item/1", payment, init))).toBe("200");
    expect(seen).toEqual([init.body, init.body]);
    expect(world.spent()).toBe(70n);
  });

  test("pays the account that it names", async () => {
    const shop = shopWith({ payTo: async (c) => (c.req.path.endsWith("1") ? DEMO_MERCHANT_ACCOUNT : world.people.agent.account) });
    expect(termsOf(await shop.get("/item/1"))?.accepts[0]?.payTo).toBe(DEMO_MERCHANT_ACCOUNT);
    expect(termsOf(await shop.get("/item/2"))?.accepts[0]?.payTo).toBe(world.people.agent.account);
    expect(verdict(await shop.pay("/item/1", await shop.approved("/item/1")))).toBe("200");
    expect(world.ledger.account(DEMO_MERCHANT_ACCOUNT).balance).toBe(PRICE);
  });

  test("with a description that changes refuses no payment", async () => {
    let description = "one";
    const shop = shopWith({ description: () => description });
    const payment = await shop.approved("/item/1");
    description = "two";
    expect(verdict(await shop.pay("/item/1", payment))).toBe("200");
  });
});

test("a challenge is cached by what the functions returned, and a payment fills no cache", async () => {
  let description = "0";
  const challenges = new Challenges(checkOptions({ amount: PRICE, description: () => description }));
  const seller = { payTo: DEMO_MERCHANT_ACCOUNT, storesAnswers: false, flow: "authorization" } as const;
  const make = async (returned: number, quote?: Parameters<Challenges["of"]>[2]) => {
    description = String(returned);
    let made: unknown;
    const app = new Hono<PaywallEnv>().get("*", async (c) => ((made = await challenges.of(c, seller, quote)), c.text("")));
    await app.request(`${ORIGIN}/item`, {}, world.env);
    return made;
  };
  const first = await make(0);
  expect(await make(0)).toBe(first);
  expect(await make(1)).not.toBe(first);
  const claimed = { description: undefined, offers: [{ amount: PRICE, payTo: undefined, description: undefined }] } as const;
  for (let n = 0; n <= MAX_CACHED_CHALLENGES; n++) await make(0, claimed as unknown as Parameters<Challenges["of"]>[2]);
  expect(await make(0)).toBe(first);
  for (let n = 2; n <= MAX_CACHED_CHALLENGES + 1; n++) await make(n);
  expect(await make(0)).not.toBe(first);
});

test("only its payer has a payment's price asked, and learns what the merchant remembers", async () => {
  const payment = await shopWith().approved("/item/1");
  const { signature } = payment.payload as { signature: string };
  const forged = {
    ...payment,
    payload: { ...payment.payload, signature: signature.replace(/^./, (digit) => (digit === "0" ? "1" : "0")) },
  };
  price = "20000";
  const refused = await shopWith().pay("/item/1", forged);
  expect([verdict(refused), pays(refused)]).toEqual(["402 invalid_signature", ["20000"]]);
  // Terms that were claimed are not offered again.
  const cheap = { ...payment, accepted: { ...payment.accepted, amount: "1" } };
  expect(pays(await shopWith().pay("/item/1", cheap))).toEqual(["20000"]);
});

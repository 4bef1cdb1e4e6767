/** Prices that are known afterwards: the buyer signs the most, the handler charges what was used, and the rest stays the buyer's. */

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Context } from "hono";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { signedReceiptOf } from "../../shared/evidence/parts.ts";
import { PAYMENT_IDENTIFIER, withIdentifier } from "../../shared/extensions/payment-identifier.ts";
import { readJws, receiptPayloadSchema } from "../../shared/extensions/signed-jws.ts";
import { NETWORK } from "../../shared/lez.ts";
import { HOLD_SECONDS } from "../../shared/limits.ts";
import { paywall, type PaymentContext, type PaywallEnv, type PaywallOptions } from "../../workers/merchant/paywall/index.ts";
import { isolateDeliveries } from "../../workers/merchant/paywall/memory/isolate.ts";
import documentedUpto from "./documented-upto.ts";
import { createWorld, memoryAnswers, receiptOf, termsOf, verdict } from "./world.ts";

let world: Awaited<ReturnType<typeof createWorld>>;
const setUp = async () => {
  world = await createWorld();
  vi.spyOn(console, "log").mockImplementation(() => {});
};
afterEach(() => void vi.restoreAllMocks());

const UPTO = { scheme: "upto", amount: "20000" } as const;
const PER_TOKEN = { ...UPTO, unit: "token", unitPrice: "2" } as const;
const USAGE = [{ unit: "token", quantity: "929", price: "2" }];
const ID = { [PAYMENT_IDENTIFIER]: withIdentifier({ info: { required: false } }, "pay_0123456789abcdef") };

type Charge = (charge: PaymentContext["charge"]) => unknown;
const shopWith = (charge: Charge, options: Partial<PaywallOptions> = UPTO) =>
  world.shop((c: Context<PaywallEnv>) => (charge(c.get("payment").charge), c.text("goods")), options);
const money = () => ({ spent: world.spent(), held: world.held() });
const logged = () => vi.mocked(console.log).mock.calls.map(([line]) => JSON.parse(String(line)) as Record<string, unknown>);

async function buy(charge: Charge, options: Partial<PaywallOptions> = UPTO) {
  const shop = shopWith(charge, options);
  return shop.pay("/item/1", await shop.approved("/item/1"));
}

describe("what a handler charges", () => {
  beforeEach(setUp);

  test("is what the buyer pays; the rest is free, and the receipt says for what [upto-charged]", async () => {
    const told: unknown[] = [];
    const seen: string[] = [];
    const shop = world.shop(
      (c) => {
        const { charge, amount, scheme } = c.get("payment");
        seen.push(`${scheme}, ${world.held()} of ${amount} held`);
        charge("1858", USAGE);
        return c.text("goods");
      },
      { ...PER_TOKEN, onSettled: (event) => told.push(event) },
    );
    const [offer] = termsOf(await shop.get("/item/1"))?.accepts ?? [];
    expect(offer).toMatchObject({ scheme: "upto", amount: "20000", extra: { unit: "token", unitPrice: "2" } });
    expect(await (await shop.get("/item/1", { headers: { Accept: "text/html" } })).text()).toContain("at most 0.00002 LGO");
    const answer = await shop.pay("/item/1", await shop.approved("/item/1"));
    expect([verdict(answer), await answer.text(), seen]).toEqual(["200", "goods", ["upto, 20000 of 20000 held"]]);
    expect(receiptOf(answer)).toMatchObject({ success: true, amount: "1858", extra: { usage: USAGE } });
    expect(money()).toEqual({ spent: 1858n, held: "0" });
    await new Promise((resolve) => setTimeout(resolve));
    expect(told).toMatchObject([{ money: "moved", amount: "1858" }]);
    expect(logged()).toMatchObject([{ event: "payment.delivered", amount: "1858" }]);
  });

  test("is all of it where it charges nothing itself", async () => {
    expect(receiptOf(await buy(() => undefined, PER_TOKEN))).toMatchObject({ amount: "20000" });
    expect(money()).toEqual({ spent: 20000n, held: "0" });
  });

  test('may be "0": then no money moves, and the payment is used all the same [upto-zero]', async () => {
    const shop = shopWith((charge) => charge("0"));
    const payment = await shop.approved("/item/1");
    const answer = await shop.pay("/item/1", payment);
    expect(receiptOf(answer)).toMatchObject({ success: true, amount: "0", transaction: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(verdict(await shop.pay("/item/1", payment))).toBe("402 nonce_replayed");
    expect(money()).toEqual({ spent: 0n, held: "0" });
  });

  test.each<[what: string, code: string, charge: Charge]>([
    ["more than was signed", "charge_exceeded", (charge) => charge("20001")],
    ["what its usage does not come to", "internal_error", (charge) => charge("1857", USAGE)],
  ])("may not be %s: the seller's mistake is a 500, and the buyer's money is free [upto-charge-refused]", async (_what, code, charge) => {
    const shop = shopWith(charge, PER_TOKEN);
    const payment = await shop.approved("/item/1");
    expect(verdict(await shop.pay("/item/1", payment))).toBe(`500 ${code}`);
    expect(money()).toEqual({ spent: 0n, held: "0" });
    // A handler that catches the error must not sell for the whole amount.
    const caught = vi.fn();
    const catching: Charge = (charging) => {
      try {
        charge(charging);
      } catch (error) {
        caught(String(error));
      }
    };
    expect(verdict(await shopWith(catching, PER_TOKEN).pay("/item/1", payment))).toBe(`500 ${code}`);
    expect(caught.mock.calls).toEqual([[expect.stringMatching(/^TypeError: charge: /)]]);
    expect(money()).toEqual({ spent: 0n, held: "0" });
    expect(verdict(await shopWith((charging) => charging("1858", USAGE), PER_TOKEN).pay("/item/1", payment))).toBe("200");
    expect(world.spent()).toBe(1858n);
  });

  test("is nothing if it fails", async () => {
    const answer = await buy((charge) => {
      charge("1858");
      throw new Error("broken");
    });
    expect([verdict(answer), money()]).toEqual(["500", { spent: 0n, held: "0" }]);
  });

  test("is refused on a payment of exact, before it costs anything", async () => {
    const answer = await buy((charge) => charge("1"), {});
    expect([verdict(answer), money()]).toEqual(["500", { spent: 0n, held: "0" }]);
  });

  test("can come in the header of the official middleware, which no buyer sees [upto-overrides]", async () => {
    const shopOf = (overrides: string) => world.shop((c) => c.text("goods", 200, { "Settlement-Overrides": overrides }), UPTO);
    const shop = shopOf('{"amount":"500"}');
    const answer = await shop.pay("/item/1", await shop.approved("/item/1"));
    expect([receiptOf(answer)?.amount, answer.headers.get("Settlement-Overrides"), world.spent()]).toEqual(["500", null, 500n]);
    const wrong = shopOf('{"amount":"50%"}');
    expect(verdict(await wrong.pay("/item/1", await wrong.approved("/item/1")))).toBe("500 internal_error");
    expect(world.spent()).toBe(500n);
  });

  test("is under the merchant's signature", async () => {
    Object.assign(world.env, { RECEIPT_KEY: "11".repeat(32) });
    const receipt = receiptOf(await buy((charge) => charge("1858", USAGE), PER_TOKEN));
    const jws = receipt && signedReceiptOf(receipt);
    expect(jws && readJws(jws, receiptPayloadSchema)?.payload).toMatchObject({ amount: "1858", usage: USAGE });
    const exact = receiptOf(await buy(() => undefined, {}));
    const plain = exact && signedReceiptOf(exact);
    expect(Object.keys((plain && readJws(plain, receiptPayloadSchema)?.payload) ?? {})).not.toContain("amount");
  });
});

describe("a capture whose answer is lost", () => {
  beforeEach(setUp);

  const loseOne = () => {
    const { capture } = world.rpc;
    world.rpc.capture = async (command, traceId) => {
      await capture(command, traceId);
      world.rpc.capture = async () => {
        world.rpc.capture = capture;
        throw new Error("lost");
      };
      throw new Error("lost");
    };
  };

  test("took what was charged then, whatever the handler charges when it runs again [upto-first-charge]", async () => {
    let charge = "1858";
    const shop = shopWith((charging) => charging(charge, [{ unit: "call", quantity: "1", price: charge }]));
    const payment = await shop.approved("/item/1");
    loseOne();
    expect(verdict(await shop.pay("/item/1", payment))).toBe("402 settlement_pending");
    charge = "9";
    const answer = await shop.pay("/item/1", payment);
    expect([verdict(answer), receiptOf(answer)?.amount, world.spent()]).toEqual(["200", "1858", 1858n]);
    expect(receiptOf(answer)?.extra).toEqual({ usage: [{ unit: "call", quantity: "1", price: "1858" }] });
  });

  test("took nothing if the call did not arrive: once the hold has lapsed, the new run's charge counts", async () => {
    let charge = "1858";
    const shop = shopWith((charging) => charging(charge));
    const payment = await shop.approved("/item/1");
    const { capture } = world.rpc;
    world.rpc.capture = () => Promise.reject(new Error("lost on the way"));
    expect(verdict(await shop.pay("/item/1", payment))).toBe("402 settlement_pending");
    world.rpc.capture = capture;
    world.clock.now += HOLD_SECONDS + 1;
    charge = "9";
    expect(receiptOf(await shop.pay("/item/1", payment))?.amount).toBe("9");
    expect(money()).toEqual({ spent: 9n, held: "0" });
  });

  test("under an identifier: the stored answer goes out for the charge that it was stored with [upto-stored]", async () => {
    const object = { ...isolateDeliveries(), ...memoryAnswers(), canOpen: async () => true };
    Object.assign(world.env, { DELIVERIES: { getByName: () => object } });
    const shop = shopWith((charge) => charge("1858", USAGE), PER_TOKEN);
    const payment = { ...(await shop.approved("/item/1")), extensions: ID };
    const { capture } = world.rpc;
    world.rpc.capture = () => Promise.reject(new Error("lost on the way"));
    expect(verdict(await shop.pay("/item/1", payment))).toBe("402 settlement_pending");
    world.rpc.capture = capture;
    const answer = await shop.pay("/item/1", payment);
    expect([verdict(answer), await answer.text(), world.spent()]).toEqual(["200", "goods", 1858n]);
    expect(logged().at(-1)).toMatchObject({ event: "payment.delivered", amount: "1858" });
    const again = await shop.pay("/item/1", payment);
    expect(receiptOf(again)).toMatchObject({ amount: "1858", extra: { usage: USAGE } });
    expect(world.spent()).toBe(1858n);
  });
});

describe("options", () => {
  test.each<[what: string, options: object, remedy: string]>([
    ["that takes the money first", { ...UPTO, flow: "upfront" }, 'set flow "authorization" for scheme "upto"'],
    ["whose flow is that of an offer", { flow: "upfront", offers: [UPTO] }, 'set flow "authorization"'],
    ["of an unknown scheme", { ...UPTO, scheme: "batch-settlement" }, 'scheme must be "exact" or "upto"'],
    ["with a unit and no price", { ...UPTO, unit: "token" }, "unit and unitPrice are for"],
    ["with a price and no unit", { ...UPTO, unitPrice: "2" }, "both or neither"],
    ["with a unit that is no name", { ...PER_TOKEN, unit: "tok\u202een" }, "ASCII letters and digits"],
    ["with a unit price of exact", { ...PER_TOKEN, scheme: "exact" }, 'are for scheme "upto"'],
  ])("%s is refused at start-up, with the remedy", (_what, options, remedy) => {
    expect(() => paywall(options as PaywallOptions)).toThrow(remedy);
  });
});

describe("a route", () => {
  beforeEach(setUp);

  test("may sell at a fixed price beside: a payment buys by the offer that it signed, of each scheme its own", async () => {
    const offers = [{ amount: "5000" }, UPTO] as const;
    const shop = world.shop(
      (c) => {
        const { charge, scheme } = c.get("payment");
        if (scheme === "upto") charge("7");
        return c.text("goods");
      },
      { amount: undefined, offers } as never,
    );
    const exact = await shop.approved("/item/1");
    expect(receiptOf(await shop.pay("/item/1", exact))?.amount).toBe("5000");
    const alone = shopWith((charge) => charge("7"));
    const upto = await alone.approved("/item/1");
    expect(receiptOf(await shop.pay("/item/1", upto))?.amount).toBe("7");
    // The scheme is signed: an exact payment of the same sum is none of upto.
    const fixed = await shopWith(() => undefined, { amount: "20000" }).approved("/item/1");
    expect(verdict(await alone.pay("/item/1", fixed))).toBe("402 unsupported_scheme");
    expect(verdict(await alone.pay("/item/1", { ...fixed, accepted: { ...fixed.accepted, scheme: "upto" } }))).toBe(
      "402 unsupported_scheme",
    );
  });

  test("as docs/selling.md shows it sells", async () => {
    const [page, file] = ["docs/selling.md", "test/paywall/documented-upto.ts"].map((name) => readFileSync(name, "utf8"));
    const [, shown = "none"] = /```ts\n(app\.post\("\/answers"[^]*?)```/.exec(page ?? "") ?? [];
    expect(file).toContain(shown);
    const question = { method: "POST", body: "How much" };
    const { approved, pay } = world.around(documentedUpto);
    const answer = await pay("/answers", await approved("/answers", question), question);
    expect([await answer.text(), receiptOf(answer)?.amount]).toEqual(["How much?", "1858"]);
  });

  test("sells nothing at a facilitator that does not settle the scheme", async () => {
    const { supported } = world.rpc;
    world.rpc.supported = async (traceId) => {
      const { kinds, ...rest } = await supported(traceId);
      return { ...rest, kinds: kinds.filter(({ scheme }) => scheme === "exact") };
    };
    world.enterNewIsolate();
    expect(verdict(await shopWith(() => undefined).get("/item/1"))).toBe("500 internal_error");
    expect(logged()).toMatchObject([{ event: "paywall.misconfigured", message: expect.stringContaining('settles no "upto" payments') }]);
  });

  test("at a facilitator over HTTP: /verify gets the most, /settle what was charged [upto-http]", async () => {
    const kind = { x402Version: 2, scheme: "upto", network: NETWORK, extra: { ledger: world.ledger.info().ledger } };
    const asked: [string, string][] = [];
    const server = createServer(async (request, response) => {
      let body = "";
      for await (const chunk of request) body += String(chunk);
      const { paymentRequirements } = (body ? JSON.parse(body) : {}) as { paymentRequirements?: { amount: string } };
      if (paymentRequirements) asked.push([request.url ?? "", paymentRequirements.amount]);
      const settled = { success: true, transaction: "t1", network: NETWORK, amount: paymentRequirements?.amount };
      const supported = { kinds: [kind], extensions: [], signers: {} };
      const answer = request.url === "/supported" ? supported : request.url === "/verify" ? { isValid: true } : settled;
      response.setHeader("Content-Type", "application/json").end(JSON.stringify(answer));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      Object.assign(world.env, { FACILITATOR_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
      const memory = isolateDeliveries();
      const answer = await buy((charge) => charge("1858", USAGE), { ...PER_TOKEN, memory: () => memory });
      expect(receiptOf(answer)).toMatchObject({ amount: "1858", extra: { usage: USAGE } });
      expect(asked).toEqual([
        ["/verify", "20000"],
        ["/settle", "1858"],
      ]);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });
});

/** Payments on the chain itself, by the paywall: what the chain does is what a test says. */

import { readFileSync } from "node:fs";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { PAYMENT_IDENTIFIER, withIdentifier } from "../../shared/extensions/payment-identifier.ts";
import { encodeHeader, PAYMENT_SIGNATURE } from "../../shared/x402/headers.ts";
import type { PaymentPayload } from "../../shared/x402/x402.ts";
import { CLOCK_ACCOUNTS } from "../../shared/zone/account.ts";
import { LANE_RETENTION_SECONDS } from "../../shared/zone/lane-table.ts";
import { peekTransfer } from "../../shared/zone/peek.ts";
import { BINDING, BUYER, SELLER } from "../../shared/zone/testing/payment.ts";
import { paymentInfo } from "../../workers/merchant/paywall/index.ts";
import type { RecordedSale } from "../../workers/merchant/paywall/memory/sales-register.ts";
import documentedShop from "./documented-native.ts";
import { createNativeWorld, kindOf, NATIVE, NETWORK, ORIGIN, otherAux, PRICE, sign } from "./native-world.ts";
import { memoryAnswers, receiptOf, termsOf, verdict } from "./world.ts";

const OTHER_CHAIN = "7e".repeat(32);
const MOCK = { kinds: [{ x402Version: 2, scheme: "exact", network: "logos:lez-testnet", extra: { ledger: "1e".repeat(32) } }] };

let world: ReturnType<typeof createNativeWorld>;
beforeEach(() => {
  world = createNativeWorld();
});
const goods = () => vi.fn((c) => c.text("goods"));
const settled = () => new Promise((resolve) => setTimeout(resolve));

/** Of all shops of this file: the sales of an isolate go out together. */
const sales: RecordedSale[] = [];

/** The binding DELIVERIES: one payer's memory and its answers, and every register of sales. */
function deliveries() {
  const recordSales = async (list: readonly RecordedSale[]) => (sales.push(...list), true);
  const object = { ...world.memory, ...memoryAnswers(), recordSales, canOpen: async () => true };
  world.env["DELIVERIES"] = { getByName: () => object };
  return object;
}

async function identified(shop: ReturnType<typeof world.shop>, payment: PaymentPayload, id = "pay_0123456789abcdef") {
  const advertised = (await shop.terms())?.extensions?.[PAYMENT_IDENTIFIER] as object;
  return { ...payment, extensions: { [PAYMENT_IDENTIFIER]: withIdentifier(advertised, id) } };
}

describe("the offer", () => {
  test("copies the facilitator's kind, and binds a payment to its request [native-offer]", async () => {
    const shop = world.shop(goods(), { ...NATIVE, maxFee: "50000" });
    const [offer] = (await shop.terms())?.accepts ?? [];
    expect(offer).toMatchObject({ scheme: "exact", network: NETWORK, asset: "native", amount: PRICE, payTo: SELLER });
    expect(offer?.extra).toEqual({
      assetTransferMethod: "transaction",
      paymentFlow: "upfront",
      ledger: world.facilitator.state.ledger,
      dialect: "v0.3",
      maxFee: "50000",
      finality: "head",
      statement: "required",
      binding: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    });
    const [dear] = (await world.shop(goods(), { ...NATIVE, amount: "1000000001", maxFee: "9000000" }).terms())?.accepts ?? [];
    expect(dear?.extra).toMatchObject({ finality: "final", maxFee: "1000000" });
  });

  test("is left out while the facilitator does not offer the network, and never a 500 [native-left-out]", async () => {
    world.rpc.supported = async () => ({ ...MOCK, extensions: [], signers: {} });
    const both = { offers: [{ amount: "1" }, NATIVE] };
    world.env["PAY_TO"] = SELLER;
    expect((await world.shop(goods(), both).terms())?.accepts.map(({ network }) => network)).toEqual(["logos:lez-testnet"]);
    const alone = await world.shop(goods()).get("/item/1");
    expect(verdict(alone)).toBe("503 facilitator_unavailable");
    expect(alone.headers.get("Retry-After")).toBe("2");
    world.rpc.supported = async () => ({ kinds: [], extensions: [], signers: {} });
    expect(verdict(await world.shop(goods()).get("/item/1"))).toBe("503 facilitator_unavailable");
    for (const extra of [{ finalities: ["final"] }, { dialect: "v0.4" }, { ledger: "none" }]) {
      const other = createNativeWorld();
      other.rpc.supported = async () => ({ kinds: [kindOf(OTHER_CHAIN, extra)], extensions: [], signers: {} });
      expect(verdict(await other.shop(goods()).get("/item/1"))).toBe("503 facilitator_unavailable");
    }
  });

  test("that is left out meanwhile: its payment waits, and gets no other terms", async () => {
    world.rpc.supported = async () => ({ kinds: [...MOCK.kinds, kindOf(world.facilitator.state.ledger)], extensions: [], signers: {} });
    world.env["PAY_TO"] = SELLER;
    const shop = world.shop(goods(), { offers: [{ amount: "1" }, NATIVE] });
    const payment = await shop.signed();
    world.rpc.supported = async () => ({ ...MOCK, extensions: [], signers: {} });
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 301_000 });
    try {
      const answer = await shop.pay(payment);
      expect(verdict(answer)).toBe("503 facilitator_unavailable");
      expect(termsOf(answer)).toBeUndefined();
    } finally {
      vi.useRealTimers();
    }
  });

  test("after a reset of the chain names the new one, and a payment for the old one is refused [native-merchant-reset]", async () => {
    const shop = world.shop(goods());
    const payment = await shop.signed();
    world.facilitator.state.ledger = OTHER_CHAIN;
    expect(verdict(await shop.pay(payment))).toBe("402 ledger_mismatch");
    const [offer] = (await shop.terms())?.accepts ?? [];
    expect(offer?.extra?.["ledger"]).toBe(OTHER_CHAIN);
    expect(verdict(await shop.pay(await shop.signed()))).toBe("200");
    // A payment for a chain of which this isolate has not heard yet.
    world.facilitator.state.ledger = "8f".repeat(32);
    const elsewhere = { ...world, ...createNativeWorld() };
    elsewhere.facilitator.state.ledger = "8f".repeat(32);
    expect(verdict(await shop.pay(await elsewhere.shop(goods()).signed("/item/1", { nonce: 8n })))).toBe("200");
  });

  test("keeps its place beside others, and says so in the OpenAPI document", async () => {
    const offers = [{ amount: "1", payTo: BUYER as string }, NATIVE];
    world.rpc.supported = async () => ({ kinds: [...MOCK.kinds, kindOf(world.facilitator.state.ledger)], extensions: [], signers: {} });
    const seen: unknown[] = [];
    const shop = world.shop((c) => (seen.push(c.get("payment").offer), c.text("goods")), { offers });
    expect(verdict(await shop.pay(await shop.signed()))).toBe("200");
    expect(seen).toEqual([1]);
    const { protocols } = paymentInfo({ offers })["x-payment-info"];
    expect(protocols.map(({ x402 }) => x402.network)).toEqual(["logos:lez-testnet", NETWORK]);
  });
});

test.each<[string, object, RegExp]>([
  ["a session", { session: true }, /the chain sets no money aside for a session/],
  ["metered", { metered: true, session: true }, /the chain/],
  ["upto", { scheme: "upto" }, /scheme must be "exact"/],
  ["authorization", { flow: "authorization" }, /flow must be "upfront"/],
  ["refund", { refund: "automatic" }, /the chain has no refunds/],
  ["refundRequests", { refundRequests: { endpoint: "https://shop.example/refunds" } }, /refundRequests/],
  ["no payee", { payTo: undefined }, /payTo must be in the offer/],
  ["a payee of the chain's own", { payTo: CLOCK_ACCOUNTS[0] as string }, /none of the chain's own/],
  ["a payee that is no account", { payTo: "0x1" }, /payTo/],
  ["no such finality", { finality: "depth:65" }, /finality must be/],
  ["no such fee", { maxFee: "1.5" }, /maxFee must be lepta/],
  ["no such statement", { statement: "maybe" as "optional" }, /statement must be/],
  ["no such network", { network: "lez:mainnet" as "lez:devnet" }, /must be one of lez:testnet, lez:devnet/],
])("%s is a TypeError with a sentence at start-up [native-options]", (_name, options, sentence) => {
  expect(() => world.shop(goods(), { ...NATIVE, ...options })).toThrow(sentence);
  expect(() => world.shop(goods(), { ...NATIVE, ...options })).toThrow(TypeError);
});

test("the payee beside `offers` is an account of our ledger, and never a native offer's", () => {
  const offers = [{ amount: "1" }, { amount: "1", network: NETWORK }];
  expect(() => world.shop(goods(), { payTo: SELLER, offers })).toThrow(/payTo must be in the offer/);
});

test("without a memory on disk nothing is offered: copies get the same receipt", async () => {
  const shop = world.shop(goods(), { ...NATIVE, memory: undefined });
  expect(verdict(await shop.get("/item/1"))).toBe("500 internal_error");
});

describe("a payment", () => {
  test("is pending first; presented again once it is in a block, it buys once, whatever a hundred copies do [native-hundred-copies]", async () => {
    const handler = goods();
    const shop = world.shop(handler);
    const payment = await shop.signed();
    world.facilitator.state.fate = "open";
    const first = await shop.pay(payment);
    expect(verdict(first)).toBe("402 settlement_pending");
    expect(first.headers.get("Retry-After")).toBe("7");
    expect(receiptOf(first)).toMatchObject({
      success: false,
      network: NETWORK,
      transaction: peekTransfer(payment.payload["signedTx"])?.id,
    });
    expect(termsOf(first)).toBeUndefined();
    world.facilitator.state.fate = "included";
    const verdicts = (await Promise.all(Array.from({ length: 100 }, () => shop.pay(payment)))).map(verdict);
    expect(verdicts.filter((each) => each === "200")).toHaveLength(1);
    expect(new Set(verdicts)).toEqual(
      new Set(["200", "409 payment_in_progress", "402 nonce_replayed"].filter((one) => verdicts.includes(one))),
    );
    expect(handler).toHaveBeenCalledTimes(1);
    const again = await shop.pay(payment);
    expect(verdict(again)).toBe("402 nonce_replayed");
    expect(receiptOf(again)?.network).toBe(NETWORK);
  });

  test("is one payment under each signature of its message [native-one-message]", async () => {
    const handler = goods();
    const shop = world.shop(handler);
    const [one, other] = [await shop.signed(), await shop.signed("/item/1", { aux: otherAux() })];
    expect(one.payload["signedTx"]).not.toBe(other.payload["signedTx"]);
    expect(verdict(await shop.pay(one))).toBe("200");
    expect(verdict(await shop.pay({ ...other, payload: { ...one.payload, signedTx: other.payload["signedTx"] } }))).toBe(
      "402 nonce_replayed",
    );
    expect(handler).toHaveBeenCalledTimes(1);
  });

  test("whose handler fails is owed, and runs it again for nothing", async () => {
    let fails = true;
    const shop = world.shop((c) => (fails ? c.text("not yet", 503) : c.text("goods")));
    const payment = await shop.signed();
    const failed = await shop.pay(payment);
    expect([failed.status, receiptOf(failed)?.success]).toEqual([503, true]);
    fails = false;
    expect(verdict(await shop.pay(payment))).toBe("200");
    expect(verdict(await shop.pay(payment))).toBe("402 nonce_replayed");
  });

  test("of a stranger who saw the transfer on the chain gets nothing that is owed, and leaves nothing behind [native-stranger]", async () => {
    let fails = true;
    const shop = world.shop((c) => (fails ? c.text("not yet", 503) : c.text("goods")));
    const payment = await shop.signed();
    await shop.pay(payment);
    fails = false;
    const { signedTx, statement } = payment.payload as Record<string, object>;
    for (const forged of [{ signedTx }, { signedTx, statement }, { signedTx, statement, signature: "11".repeat(64) }]) {
      expect((await shop.pay({ ...payment, payload: forged })).status).toBeGreaterThanOrEqual(400);
    }
    const begin = vi.spyOn(world.memory, "begin");
    const finish = vi.spyOn(world.memory, "finish");
    world.rpc.settle = async () => Promise.reject(new Error("away"));
    const unknown = { ...(await shop.signed("/item/1", { nonce: 9n })), extensions: {} };
    expect(verdict(await shop.pay({ ...unknown, payload: { ...unknown.payload, signature: "11".repeat(64) } }))).toBe(
      "402 settlement_pending",
    );
    expect([begin.mock.calls, finish.mock.calls]).toEqual([[], []]);
  });

  test.each([
    ["another amount", { amount: "9999" }, "amount_mismatch"],
    ["another payee", { payTo: BUYER }, "recipient_mismatch"],
  ])("of %s does not reach the facilitator", async (_name, change, code) => {
    const shop = world.shop(goods());
    const offer = (await shop.signed()).accepted;
    const other = createNativeWorld().shop(goods(), { ...NATIVE, ...change });
    const signed = await other.signed();
    expect(verdict(await shop.pay({ ...signed, accepted: offer }))).toBe(`402 ${code}`);
    expect(world.facilitator.state.calls).toBe(0);
  });

  test.each<[string, { binding?: string }, string]>([
    ["no transfer", { signedTx: "AAAA" } as object, "400 invalid_payload"],
    ["no statement", { statement: undefined, signature: undefined } as object, "402 binding_mismatch"],
    ["another request's statement", { binding: BINDING }, "402 binding_mismatch"],
  ])("with %s is refused at once", async (_name, change, said) => {
    const shop = world.shop(goods());
    const payment = await shop.signed();
    const { binding, ...members } = change;
    const statement = { ...(payment.payload["statement"] as object), ...(binding && { binding }) };
    expect(verdict(await shop.pay({ ...payment, payload: { ...payment.payload, statement, ...members } }))).toBe(said);
    expect(world.facilitator.state.calls).toBe(0);
  });

  test("without a statement belongs, where that is optional, to the first request it comes with", async () => {
    const handler = goods();
    const shop = world.shop(handler, { ...NATIVE, statement: "optional" });
    const plain = async (path: string) => {
      const { statement: _, signature: __, ...payload } = (await shop.signed(path)).payload;
      return { ...(await shop.signed(path)), payload };
    };
    const [first, second] = [await plain("/item/1"), await plain("/item/2")];
    expect(verdict(await shop.pay(first))).toBe("200");
    expect(verdict(await shop.pay(second, "/item/2"))).toBe("402 nonce_replayed");
    expect(handler).toHaveBeenCalledTimes(1);
  });

  test("that was delivered is remembered for as long as its receipt is given again [native-remembered]", async () => {
    const finish = vi.spyOn(world.memory, "finish");
    const shop = world.shop(goods());
    const payment = await shop.signed();
    await shop.pay(payment);
    await settled();
    const [[, , state, forgetAfter] = []] = finish.mock.calls;
    const { validBefore } = payment.payload["statement"] as { validBefore: string };
    expect(state).toEqual({ state: "delivered" });
    expect(forgetAfter).toBeGreaterThan(Number(validBefore) + LANE_RETENTION_SECONDS);
  });
});

describe("terms that change while the chain takes the payment", () => {
  test("leave a payment that was accepted as it is [native-terms-changed]", async () => {
    const before = world.shop(goods());
    const payment = await before.signed();
    world.facilitator.state.fate = "open";
    expect(verdict(await before.pay(payment))).toBe("402 settlement_pending");
    world.facilitator.state.fate = "included";
    const dearer = world.shop(goods(), { ...NATIVE, amount: "20000" });
    expect(verdict(await dearer.pay(payment))).toBe("200");
    // One that is not known here pays what it costs now, and a known one buys nothing else.
    expect(verdict(await dearer.pay(await before.signed("/item/1", { nonce: 8n })))).toBe("402 amount_mismatch");
    expect(verdict(await dearer.pay(payment, "/item/2"))).toBe("402 amount_mismatch");
  });

  test("by request: the price of now holds for new payments alone [native-by-request]", async () => {
    let price = PRICE;
    const shop = world.shop(goods(), { ...NATIVE, amount: () => price });
    const [payment, late] = [await shop.signed(), await shop.signed("/item/1", { nonce: 8n })];
    world.facilitator.state.fate = "open";
    expect(verdict(await shop.pay(payment))).toBe("402 settlement_pending");
    price = "20000";
    world.facilitator.state.fate = "included";
    expect(verdict(await shop.pay(payment))).toBe("200");
    expect(verdict(await shop.pay(late))).toBe("402 amount_mismatch");
    expect(world.facilitator.lanes.size).toBe(1);
  });
});

test("the native shop of docs/selling.md is what the page shows, and sells by both [native-documented]", async () => {
  const [page = "", file = ""] = ["docs/selling.md", "test/paywall/documented-native.ts"].map((name) => readFileSync(name, "utf8"));
  const [, shown = "none"] = /\n(const LEZ_ACCOUNT = [^]*?)```/.exec(page) ?? [];
  expect(file).toContain(shown);
  world.rpc.supported = async () => ({ kinds: [...MOCK.kinds, kindOf(world.facilitator.state.ledger)], extensions: [], signers: {} });
  deliveries();
  world.env["PAY_TO"] = BUYER;
  const ask = async (headers = {}) => documentedShop.request(`${ORIGIN}/premium`, { headers }, world.env);
  const { accepts } = termsOf(await ask()) ?? { accepts: [] };
  expect(accepts.map(({ network }) => network)).toEqual(["logos:lez-testnet", NETWORK]);
  const paid = await ask({ [PAYMENT_SIGNATURE]: encodeHeader(sign(accepts[1] ?? (undefined as never))) });
  expect([verdict(paid), await paid.json()]).toEqual(["200", { report: "…" }]);
});

describe("beside it", () => {
  test("the same payment under the same identifier gets the stored answer [native-identified]", async () => {
    deliveries();
    const handler = goods();
    const shop = world.shop(handler);
    const payment = await identified(shop, await shop.signed());
    world.facilitator.state.fate = "open";
    expect(verdict(await shop.pay(payment))).toBe("402 settlement_pending");
    world.facilitator.state.fate = "included";
    const [first, again] = [await shop.pay(payment), await shop.pay(payment)];
    expect([verdict(first), verdict(again), await again.text()]).toEqual(["200", "200", "goods"]);
    expect(receiptOf(again)).toEqual(receiptOf(first));
    expect(handler).toHaveBeenCalledTimes(1);
  });

  test("an identifier of another payment keeps the goods owed, and costs nothing more [native-identifier-conflict]", async () => {
    const object = deliveries();
    const handler = goods();
    const shop = world.shop(handler);
    const payment = await shop.signed();
    const { claim } = object;
    object.claim = async () => ({ state: "conflict" });
    expect(verdict(await shop.pay(await identified(shop, payment)))).toBe("409 payment_identifier_conflict");
    object.claim = claim;
    expect(handler).not.toHaveBeenCalled();
    expect(verdict(await shop.pay(await identified(shop, payment, "pay_fedcba9876543210")))).toBe("200");
    expect(handler).toHaveBeenCalledTimes(1);
  });

  test("an identifier that is missing where it is required costs nothing", async () => {
    deliveries();
    const shop = world.shop(goods(), { ...NATIVE, identifier: "required" });
    expect(verdict(await shop.pay(await shop.signed()))).toBe("400 payment_identifier_required");
    expect(world.facilitator.state.calls).toBe(0);
  });

  test("a sale is recorded with its network; what is not proved to be a payment is not recorded [native-sales]", async () => {
    deliveries();
    const shop = world.shop(goods());
    const payment = await shop.signed("/item/1", { nonce: 21n });
    world.facilitator.state.fate = "open";
    await shop.pay(payment);
    world.facilitator.state.fate = "included";
    world.rpc.settle = async () => Promise.reject(new Error("away"));
    const unproved = await shop.signed("/item/1", { nonce: 22n });
    await shop.pay(unproved);
    world.rpc.settle = createNativeWorld().rpc.settle;
    await shop.pay(payment);
    const keys = [payment, unproved].map(({ payload }) => peekTransfer(payload["signedTx"])?.h);
    const ours = () => sales.filter(({ key }) => keys.includes(key));
    await vi.waitFor(() => expect(ours()).toHaveLength(2));
    expect(ours().map(({ key, status, network, amount, payer }) => [key, status, network, amount, payer])).toEqual([
      [keys[0], "pending", NETWORK, PRICE, BUYER],
      [keys[0], "delivered", NETWORK, PRICE, BUYER],
    ]);
  });

  test("the seller's functions hear of one settlement, and of refusals with what moved [native-told]", async () => {
    const [onSettled, onRefused] = [vi.fn(), vi.fn()];
    const shop = world.shop(goods(), { ...NATIVE, onSettled, onRefused });
    const payment = await shop.signed();
    world.facilitator.state.fate = "open";
    await shop.pay(payment);
    world.facilitator.state.fate = "included";
    await Promise.all([shop.pay(payment), shop.pay(payment), shop.pay(payment)]);
    world.facilitator.state.fate = "reverted";
    await shop.pay(await shop.signed("/item/1", { nonce: 8n }));
    await settled();
    const transaction = peekTransfer(payment.payload["signedTx"])?.id;
    expect(onSettled.mock.calls.map(([event]) => event as object)).toMatchObject([
      { money: "moved", transaction, payer: BUYER, payTo: SELLER },
    ]);
    const refused = onRefused.mock.calls.map(([event]) => event as { code: string; money: string; payer: string });
    expect(refused[0]).toMatchObject({ code: "settlement_pending", money: "unknown", transaction, payer: BUYER });
    expect(refused.at(-1)).toMatchObject({ code: "transfer_reverted", money: "not_moved" });
  });

  test("offers and receipts are signed under the offer's network", async () => {
    world.env["RECEIPT_KEY"] = "2a".repeat(32);
    const shop = world.shop(goods());
    const jws = (signed: { signature: string } | undefined) =>
      JSON.parse(Buffer.from(signed?.signature.split(".")[1] ?? "", "base64url").toString()) as object;
    const terms = await shop.terms();
    const offered = terms?.extensions?.["offer-receipt"] as { info: { offers: { signature: string }[] } } | undefined;
    expect(jws(offered?.info.offers[0])).toMatchObject({ network: NETWORK, payTo: SELLER, amount: PRICE });
    const paid = receiptOf(await shop.pay(await shop.signed()));
    const delivered = paid?.extensions?.["offer-receipt"] as { info: { receipt: { signature: string } } } | undefined;
    expect(jws(delivered?.info.receipt)).toMatchObject({ network: NETWORK, payer: BUYER, transaction: paid?.transaction });
  });
});

/** `npm run native`: payments on the chain itself through the whole stack: facilitator, native Worker, devnet, over HTTP and RPC. */

import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { HTTPFacilitatorClient, x402ResourceServer } from "@x402/core/server";
import { paymentMiddleware } from "@x402/hono";
import { Hono } from "hono";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Stack, startStack } from "../../agent-cli/demo/stack.ts";
import { served } from "../../agent-cli/testing/served.ts";
import { BUNDLES, bundleScript } from "../../scripts/build-workers.ts";
import { utf8 } from "../../shared/crypto/bytes.ts";
import { bodyDigest, type Digest, randomDigest } from "../../shared/crypto/digest.ts";
import { type Sequencer, sequencerAt } from "../../shared/sequencer/client.ts";
import type { Settlement } from "../../shared/settlement/outcomes.ts";
import { unixNow } from "../../shared/time.ts";
import type { PaymentRequirements, SupportedResponse } from "../../shared/x402/x402.ts";
import { type NativeKind, nativeKindOf } from "../../shared/zone/kind.ts";
import { draftPayment, signDraft, type SignedNativePayment } from "../../shared/zone/pay.ts";
import { signNativeRevocation } from "../../shared/zone/revocation.ts";
import { V03 } from "../../shared/zone/v03.ts";
import { chainWith, keyOf, type TestKey } from "../../workers/lez-devnet/testing/devnet-chain.ts";
import { listen } from "../interop/official.ts";

const KEY = "the-key-of-these-tests";
const SHOP_KEY = "the-key-of-the-shop";
const OPERATOR_KEY = "the-key-of-the-operator";
const hashed = (key: string) => bodyDigest(utf8(key));
const SHOP = keyOf("shop");
/** One account pays one at a time: each test has its own. */
const BUYERS = Array.from({ length: 20 }, (_, number) => keyOf(`buyer ${number}`));
const RICH = 1_000_000n;
let next = 0;
const newBuyer = () => BUYERS[next++] ?? SHOP;
const NETWORK = "lez:devnet";

let stack: Stack;
let sequencer: Sequencer;
let kind: NativeKind;

beforeAll(async () => {
  const supply = BUYERS.map((buyer) => [buyer, RICH] as const);
  stack = await startStack({
    bundles: BUNDLES,
    lezPort: 0,
    merchantScript: await bundleScript(fileURLToPath(new URL("workers/caller.ts", import.meta.url))),
    vars: {
      "lez-devnet": {
        DEVNET_CONTROL: hashed(KEY),
        BLOCK_MILLIS: "1500",
        FINAL_BLOCKS: "3",
        SUPPLY: JSON.stringify(supply.map(([{ account }, amount]) => [account, amount.toString()])),
      },
      "lez-native-facilitator": { SEQUENCER_LEDGER: chainWith(supply).genesis },
      "lez-facilitator": {
        FACILITATOR_KEYS: JSON.stringify({ [hashed(SHOP_KEY)]: [SHOP.account] }),
        OPERATOR_KEY_SHA256: hashed(OPERATOR_KEY),
      },
    },
    onLog: () => undefined,
  });
  served(stack.facilitator);
  sequencer = sequencerAt(stack.lez ?? "", V03);
  await control("mine", { blocks: 25 });
  kind = await until(
    async () => nativeKindOf(await supported(), NETWORK),
    (found) => (found?.ok ? found.value : undefined),
  );
});
afterAll(() => stack.stop());

async function until<T, Found>(read: () => Promise<T>, find: (value: T) => Found | undefined): Promise<Found> {
  for (let tries = 0; tries < 300; tries++) {
    const found = find(await read());
    if (found !== undefined) return found;
    await sleep(100);
  }
  throw new Error("it never came");
}

async function control(command: string, args: object = {}): Promise<void> {
  const headers = { Authorization: `Bearer ${KEY}`, "Content-Type": "application/json" };
  const { status } = await fetch(`${stack.lez}/control/${command}`, { method: "POST", headers, body: JSON.stringify(args) });
  expect(status).toBe(200);
}

const supported = async () => (await (await fetch(`${stack.facilitator}/supported`)).json()) as SupportedResponse;

interface Answer {
  status: number;
  retryAfter: string | null;
  body: Partial<Settlement> & Record<string, unknown>;
}

async function post(path: string, body: unknown, key = SHOP_KEY): Promise<Answer> {
  const headers = { "Content-Type": "application/json", Authorization: `Bearer ${key}` };
  const answer = await fetch(`${stack.facilitator}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  return { status: answer.status, retryAfter: answer.headers.get("Retry-After"), body: (await answer.json()) as Answer["body"] };
}

async function get(path: string, key?: string): Promise<Answer> {
  const answer = await fetch(`${stack.facilitator}${path}`, key === undefined ? {} : { headers: { Authorization: `Bearer ${key}` } });
  return { status: answer.status, retryAfter: answer.headers.get("Retry-After"), body: (await answer.json()) as Answer["body"] };
}

/** A call of a Worker that is bound to the facilitator. */
async function rpc<T>(method: string, ...args: unknown[]): Promise<T> {
  return (await (await fetch(stack.merchant, { method: "POST", body: JSON.stringify({ method, args }) })).json()) as T;
}

function offerOf(extra: Record<string, unknown> = {}, amount = "10000"): PaymentRequirements {
  const { blockSeconds: _, finalities: __, ...offered } = kind;
  return {
    scheme: "exact",
    network: NETWORK,
    asset: "native",
    amount,
    payTo: SHOP.account,
    maxTimeoutSeconds: 300,
    extra: { ...offered, finality: "head", binding: hashed("a request"), ...extra },
  };
}

interface Terms {
  offer?: PaymentRequirements;
  nonce?: bigint;
  maxFee?: bigint;
  now?: number;
}

function sign(buyer: TestKey, { offer = offerOf(), nonce = 0n, maxFee = 50_000n, now = unixNow() }: Terms = {}): SignedNativePayment {
  const drafted = draftPayment({ offer, from: buyer.account, nonce, maxFee, now });
  if (!drafted.ok) throw new Error(drafted.problem);
  return signDraft(drafted.draft, buyer.secretKey);
}

const asked = ({ payload }: SignedNativePayment) => ({
  x402Version: 2,
  paymentPayload: payload,
  paymentRequirements: payload.accepted,
});
const verify = async (payment: SignedNativePayment) => (await post("/verify", asked(payment))).body;
const settle = async (payment: SignedNativePayment) => (await post("/settle", asked(payment))).body;
const statusOf = async ({ account }: TestKey, nonce = 0n, h?: Digest) =>
  (await get(`/settlements/${NETWORK}/${account}/${nonce}${h ? `?h=${h}` : ""}`)).body;
const cancel = (buyer: TestKey, payment: SignedNativePayment, key = buyer.secretKey) => {
  const { network, ledger, messageHash } = payment.statement;
  const revocation = { network, ledger, messageHash, revokedAt: String(unixNow()) };
  const { x402Version: _, ...call } = asked(payment);
  return post("/native/cancel", { ...call, ...signNativeRevocation(revocation, key) });
};
const balanceOf = async ({ account }: TestKey) => (await sequencer.balanceAndNonce(account)).balance;

describe.concurrent("a facilitator with the chain", () => {
  test("offers the ledger's kinds and the chain's, with no signer [native-supported]", async ({ expect }) => {
    const { kinds, signers } = await supported();
    expect(kinds.map(({ network }) => network)).toEqual([...Array<string>(3).fill("logos:lez-testnet"), NETWORK]);
    expect(signers).toEqual({ "logos:*": [], "lez:*": [] });
    expect(kind).toMatchObject({ assetTransferMethod: "transaction", dialect: "v0.3", finalities: ["head", "depth:2", "final"] });
    expect((await rpc<SupportedResponse>("supported")).kinds).toEqual(kinds);
  });

  test("verifies as often as it is asked, and changes nothing [native-verify-changes-nothing]", async ({ expect }) => {
    const buyer = newBuyer();
    const payment = sign(buyer);
    const valid = { isValid: true, payer: buyer.account };
    expect([
      await verify(payment),
      await verify(payment),
      await rpc("verify", { paymentPayload: payment.payload, paymentRequirements: payment.payload.accepted }),
    ]).toEqual([valid, valid, valid]);
    expect(await statusOf(buyer)).toMatchObject({ status: "unused", ledger: kind.ledger, nonce: "0" });
    expect(await balanceOf(buyer)).toBe(RICH);
  });

  test("settles once, names the transaction, and remembers it [native-settles]", async ({ expect }) => {
    const buyer = newBuyer();
    const payment = sign(buyer);
    const { transaction } = payment;
    const receipt = { success: true, payer: buyer.account, transaction, network: NETWORK, amount: "10000" };
    expect(await settle(payment)).toEqual(receipt);
    expect(await settle(payment)).toMatchObject({ success: false, errorReason: "nonce_replayed", extra: { transaction } });
    expect(await verify(payment)).toMatchObject({ isValid: false, invalidReason: "nonce_replayed" });
    expect(await statusOf(buyer)).toMatchObject({ status: "settled", transaction });
    expect(await statusOf(buyer, 0n, payment.statement.messageHash)).toMatchObject({ status: "settled", transaction });
    expect((await sequencer.transaction(transaction))?.block).toBeGreaterThan(1n);
  });

  test("settles a hundred copies at once by one inclusion, with one receipt [native-copies]", async ({ expect }) => {
    const buyer = newBuyer();
    const payment = sign(buyer);
    const answers = await Promise.all(Array.from({ length: 100 }, () => settle(payment)));
    const told = Map.groupBy(answers, ({ errorReason }) => errorReason ?? "success");
    expect(Object.fromEntries([...told].map(([code, all]) => [code, all.length]))).toEqual({ success: 1, nonce_replayed: 99 });
    const { balance, nonce } = await sequencer.balanceAndNonce(buyer.account);
    expect([nonce, RICH - balance]).toEqual([1n, 12_968n]);
  });

  test("waits for the depth that is asked", async ({ expect }) => {
    const payment = sign(newBuyer(), { offer: offerOf({ finality: "final" }) });
    expect(await settle(payment)).toMatchObject({ success: true });
    const block = (await sequencer.transaction(payment.transaction))?.block ?? 0n;
    expect(await sequencer.lastBlockId()).toBeGreaterThanOrEqual(block + 3n);
  });

  test.for<[string, string, (buyer: TestKey) => SignedNativePayment]>([
    ["a nonce above the account's", "nonce_ahead", (buyer) => sign(buyer, { nonce: 1n })],
    [
      "a value that is not covered beside the fee",
      "insufficient_funds",
      (buyer) => sign(buyer, { offer: offerOf({}, String(RICH - 49_999n)) }),
    ],
    ["a fee below the next block's price", "fee_rejected", (buyer) => sign(buyer, { maxFee: 2000n })],
    ["a payment after its last second", "payment_expired", (buyer) => sign(buyer, { now: unixNow() - 400 })],
  ])("refuses %s: %s [native-refusals]", async ([, code, make], { expect }) => {
    const buyer = newBuyer();
    const payment = make(buyer);
    expect(await verify(payment)).toEqual({ isValid: false, invalidReason: code, payer: buyer.account });
    expect(await settle(payment)).toEqual({ success: false, errorReason: code, payer: buyer.account, transaction: "", network: NETWORK });
    expect(await statusOf(buyer)).toMatchObject({ status: "unused" });
  });

  test("refuses what the verification refuses, with its code", async ({ expect }) => {
    const payment = sign(newBuyer());
    const others = { asset: "gold", scheme: "upto", amount: "10001", network: "lez:testnet" };
    const codes = await Promise.all(
      Object.entries(others).map(async ([member, value]) => {
        const { body, status } = await post("/settle", { ...asked(payment), paymentRequirements: { ...offerOf(), [member]: value } });
        return [status, body.errorReason];
      }),
    );
    expect(codes).toEqual([
      [200, "asset_mismatch"],
      [200, "unsupported_scheme"],
      [200, "amount_mismatch"],
      [200, "invalid_network"],
    ]);
    const large = { ...asked(payment), padding: "x".repeat(40_000) };
    expect(await post("/settle", large)).toMatchObject({ status: 413, body: { errorReason: "payload_too_large" } });
  });

  test("one transfer buys one thing, whoever asks first", async ({ expect }) => {
    const buyer = newBuyer();
    const payment = sign(buyer);
    const again = sign(buyer, { offer: offerOf({ binding: hashed("another request") }) });
    const answers = await Promise.all([settle(payment), sleep(700).then(() => settle(again))]);
    expect(answers).toMatchObject([{ success: true }, { errorReason: "nonce_replayed", extra: { transaction: payment.transaction } }]);
  });

  test("a payment that its payer took back before it was sent is never sent [native-cancel]", async ({ expect }) => {
    const buyer = newBuyer();
    const payment = sign(buyer);
    expect(await cancel(buyer, payment, SHOP.secretKey)).toMatchObject({ status: 402, body: { error: "invalid_signature" } });
    expect(await cancel(buyer, payment)).toEqual({
      status: 200,
      retryAfter: null,
      body: { success: true, network: NETWORK, payer: buyer.account, nonce: "0" },
    });
    expect(await verify(payment)).toMatchObject({ invalidReason: "payment_revoked" });
    expect(await settle(payment)).toMatchObject({ errorReason: "payment_revoked" });
    expect(await statusOf(buyer)).toMatchObject({ status: "cancelled" });
    expect(await settle(sign(buyer, { offer: offerOf({}, "20000") }))).toMatchObject({ success: true });
  });

  test("holds, sessions and refunds are not for the chain [native-unsupported]", async ({ expect }) => {
    const { payload } = sign(newBuyer());
    const payment = { paymentPayload: payload, paymentRequirements: payload.accepted };
    const refused = { ok: false, code: "unsupported_scheme", detail: expect.stringContaining("exact") as string };
    expect(await rpc("reserve", { payment, reservationId: randomDigest(), holdSeconds: 60 })).toEqual(refused);
    expect(await rpc("open", payment)).toEqual(refused);
    expect(await get(`/mandates/${NETWORK}/${SHOP.account}/${kind.ledger}`)).toMatchObject({ body: { error: "unsupported_scheme" } });
  });

  test("the keys of sellers and of the operator hold [native-keys]", async ({ expect }) => {
    const payment = sign(newBuyer());
    expect(await post("/settle", asked(payment), "another-key")).toMatchObject({ status: 401, body: { errorReason: "unauthorized" } });
    expect(await get("/native/owed", SHOP_KEY)).toMatchObject({ status: 401 });
    expect(await get("/native/owed", OPERATOR_KEY)).toEqual({
      status: 200,
      retryAfter: null,
      body: { network: NETWORK, ledger: kind.ledger, owed: [] },
    });
    expect(await get("/native/owed?after=x", OPERATOR_KEY)).toMatchObject({ body: { error: "invalid_payload" } });
  });

  test("a key that is none is malformed", async ({ expect }) => {
    const { account } = SHOP;
    const nonces = ["01", String(2n ** 128n), "ab".repeat(32), "1e3"];
    const paths = [`lez:testnet/${account}/0`, `lez:devnet/nobody/0`, ...nonces.map((nonce) => `lez:devnet/${account}/${nonce}`)];
    const codes = await Promise.all(paths.map(async (path) => (await get(`/settlements/${path}`)).body["error"]));
    expect(codes).toEqual(["invalid_network", ...Array.from({ length: 5 }, () => "invalid_payload")]);
  });
});

test("an official server with our kind settles and is answered [native-official-server]", async () => {
  const { origin, runs } = await officialShop();
  const refused = await fetch(`${origin}/goods`);
  expect(refused.status).toBe(402);
  const required = JSON.parse(Buffer.from(refused.headers.get("PAYMENT-REQUIRED") ?? "", "base64").toString()) as {
    accepts: PaymentRequirements[];
  };
  const [offer] = required.accepts;
  if (!offer) throw new Error("no offer");
  const payment = sign(newBuyer(), { offer });
  const header = Buffer.from(JSON.stringify(payment.payload)).toString("base64");
  const present = () => fetch(`${origin}/goods`, { headers: { "PAYMENT-SIGNATURE": header } });
  const paid = await present();
  expect([paid.status, await paid.text(), runs.length]).toEqual([200, "goods", 1]);
  const receipt = JSON.parse(Buffer.from(paid.headers.get("PAYMENT-RESPONSE") ?? "", "base64").toString()) as Settlement;
  expect(receipt).toMatchObject({ success: true, transaction: payment.transaction, network: NETWORK });
  expect([(await present()).status, runs.length]).toEqual([402, 1]);
});

/** `@x402/hono` over `@x402/core`'s client of our facilitator. It has no scheme for the chain; this one copies what the kind says. */
async function officialShop(): Promise<{ origin: string; runs: string[] }> {
  const createAuthHeaders = async () => {
    const headers = { Authorization: `Bearer ${SHOP_KEY}` };
    return { verify: headers, settle: headers, supported: headers };
  };
  const server = new x402ResourceServer(new HTTPFacilitatorClient({ url: stack.facilitator, createAuthHeaders }));
  server.register(NETWORK, {
    scheme: "exact",
    defaultAssetTransferMethod: "transaction",
    paymentFlows: { transaction: { supported: ["upfront"], default: "upfront" } },
    parsePrice: async (price) => price as { asset: string; amount: string },
    getAssetDecimals: () => 9,
    enhancePaymentRequirements: async (requirements, { extra = {} }) => {
      const { blockSeconds: _, finalities: __, ...offered } = extra;
      return { ...requirements, extra: { ...requirements.extra, ...offered, finality: "head" } };
    },
  });
  const runs: string[] = [];
  const price = { asset: "native", amount: "10000" };
  const accepts = { scheme: "exact", network: NETWORK, payTo: SHOP.account, price, maxTimeoutSeconds: 300 } as const;
  const app = new Hono();
  app.use(paymentMiddleware({ "GET /goods": { accepts } }, server));
  app.get("/goods", (c) => {
    runs.push(c.req.path);
    return c.text("goods");
  });
  return { origin: await listen((request) => app.fetch(request)), runs };
}

describe("while no block is made", () => {
  test("a payment is pending, holds its account, and has its receipt later, under its own id again [native-pending]", async () => {
    const [buyer, other] = [newBuyer(), newBuyer()];
    await control("pause", { on: true });
    const payment = sign(buyer);
    const settlementId = randomDigest();
    const by = (id: Digest) =>
      rpc<Settlement>("settle", {
        payment: { paymentPayload: payment.payload, paymentRequirements: payment.payload.accepted },
        settlementId: id,
      });
    const first = by(settlementId);
    await until(
      async () => (await statusOf(buyer))["status"],
      (status) => (status === "reserved" ? true : undefined),
    );
    expect(await verify(payment)).toEqual({ isValid: true, payer: buyer.account });
    const second = sign(buyer, { offer: offerOf({}, "20000") });
    expect(await settle(second)).toMatchObject({ errorReason: "payer_busy" });
    expect(await cancel(buyer, payment)).toMatchObject({
      status: 409,
      retryAfter: expect.stringMatching(/^[0-9]+$/) as string,
      body: { error: "settlement_pending", transaction: payment.transaction },
    });
    expect(await verify(sign(other))).toMatchObject({ isValid: true });
    expect(await first).toMatchObject({
      success: false,
      errorReason: "settlement_pending",
      transaction: payment.transaction,
      extra: { retryAfterSeconds: expect.any(Number) as number },
    });
    await control("pause", { on: false });
    const receipt = await until(
      () => by(settlementId),
      (answer) => (answer.success ? answer : undefined),
    );
    expect(await by(settlementId)).toEqual(receipt);
    expect(await by(randomDigest())).toMatchObject({ errorReason: "nonce_replayed" });
  });
});

describe("after a reset of the chain", () => {
  test("the network is not offered, and what was open is void [native-stack-reset]", async () => {
    const buyer = newBuyer();
    await control("pause", { on: true });
    const payment = sign(buyer);
    const open = settle(payment);
    await until(
      async () => (await statusOf(buyer))["status"],
      (status) => (status === "reserved" ? true : undefined),
    );
    await control("reset");
    await control("mine", { blocks: 1 });
    expect(await open).toMatchObject({ success: false, errorReason: "ledger_mismatch" });
    expect(await statusOf(buyer)).toMatchObject({ status: "unknown" });
    expect((await supported()).kinds.map(({ network }) => network)).not.toContain(NETWORK);
    expect(await post("/verify", asked(sign(newBuyer())))).toMatchObject({
      status: 503,
      body: { invalidReason: "facilitator_unavailable" },
    });
    expect(await post("/settle", asked(sign(newBuyer())))).toMatchObject({
      status: 503,
      retryAfter: "2",
      body: { errorReason: "facilitator_unavailable" },
    });
  });
});

import { createExecutionContext, evictDurableObject } from "cloudflare:test";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { utf8 } from "../../shared/crypto/bytes.ts";
import { bodyDigest } from "../../shared/crypto/digest.ts";
import { MAX_FACILITATOR_BODY_BYTES } from "../../shared/limits.ts";
import type { FacilitatorEnv } from "../../workers/facilitator/env.ts";
import FacilitatorWorker from "../../workers/facilitator/index.ts";
import { newPayer, randomId, reserveCommand, settleCommand, signedPayment } from "../signed.ts";
import { envelopeOf, post, send } from "./http.ts";
import { env, facilitator, facilitatorsLedger, fundedPayer, NOW, remote, setTime, tablesOf } from "./ledger.ts";

setTime(NOW);
const ledger = facilitatorsLedger();
beforeAll(async () => {
  await ledger.info();
});
afterAll(() => vi.useRealTimers());

describe("POST /verify", () => {
  test("changes nothing, whatever it is shown and whatever it says", async () => {
    const payer = await fundedPayer(ledger);
    const good = await signedPayment(payer);
    const held = await signedPayment(payer, { value: "1" as never });
    await remote(ledger).reserve({ payment: held.payment, reservationId: randomId(), holdSeconds: 60 }, "");
    const settled = await signedPayment(payer, { value: "2" as never });
    await remote(ledger).settle({ payment: settled.payment, settlementId: randomId() }, "");
    const forged = { ...good, payload: { ...good.payload, payload: { ...good.payload.payload, signature: "00".repeat(64) } } };
    await evictDurableObject(ledger); // what was only remembered is gone: the tables are all there is

    const before = await tablesOf(ledger);
    for (const [signed, code] of [
      [good, undefined],
      [good, undefined],
      [held, "payment_in_progress"],
      [settled, "nonce_replayed"],
      [forged, "invalid_signature"],
      [await signedPayment(payer, { value: "25001" as never }), "insufficient_funds"],
      [await signedPayment(payer, { validBefore: String(NOW - 1) }), "payment_expired"],
      [await signedPayment(payer, { validAfter: String(NOW + 31) }), "payment_not_yet_valid"],
      [await signedPayment(await newPayer()), "insufficient_funds"],
    ] as const) {
      const { payer } = signed.payment;
      const body = code ? { isValid: false, invalidReason: code, payer } : { isValid: true, payer };
      expect(await post("/verify", envelopeOf(signed))).toMatchObject({ status: 200, body });
    }
    expect(await tablesOf(ledger)).toEqual(before);
    expect(await post("/settle", envelopeOf(good))).toMatchObject({ body: { success: true } });
  });
});

describe("POST /settle", () => {
  test("pays once, and tells the next one which transaction it was", async () => {
    const signed = await signedPayment(await fundedPayer(ledger));
    const { payer } = signed.payment;
    const first = await post("/settle", envelopeOf(signed));
    expect(first.status).toBe(200);
    expect(first.body).toEqual({
      success: true,
      payer,
      transaction: signed.transaction,
      network: "logos:lez-testnet",
      amount: "10000",
    });
    expect((await post("/settle", envelopeOf(signed))).body).toEqual({
      success: false,
      errorReason: "nonce_replayed",
      payer,
      transaction: "",
      network: "logos:lez-testnet",
      extra: { transaction: signed.transaction },
    });
    expect(await remote(ledger).account({ account: payer }, "")).toMatchObject({ balance: "15000" });
  });

  test("refuses for want of money, and takes the same payment once there is some", async () => {
    const payer = await newPayer();
    const signed = await signedPayment(payer);
    const refused = { success: false, errorReason: "insufficient_funds", payer: payer.account, transaction: "" };
    expect(await post("/settle", envelopeOf(signed))).toMatchObject({ status: 200, body: refused });
    await post("/faucet", { account: payer.account, amount: "10000", id: randomId() });
    expect(await post("/settle", envelopeOf(signed))).toMatchObject({ body: { success: true } });
  });
});

// --- What cannot be read, or cannot be answered ----------------------------------------------------

const signed = await signedPayment(await newPayer());
const tooLarge = JSON.stringify({ ...envelopeOf(signed), filler: "x".repeat(MAX_FACILITATOR_BODY_BYTES) });
const { paymentPayload: _, ...halfAnEnvelope } = envelopeOf(signed);

const UNREADABLE: [what: string, body: string, status: number, code: string][] = [
  ["nothing", "", 400, "invalid_payload"],
  ["text", "hello", 400, "invalid_payload"],
  ["half an object", '{"x402Version":2', 400, "invalid_payload"],
  ["a number", "2", 400, "invalid_payload"],
  ["null", "null", 400, "invalid_payload"],
  ["a list", "[]", 400, "invalid_payload"],
  ["an empty object", "{}", 400, "invalid_payload"],
  ["a payload that is text", JSON.stringify({ ...envelopeOf(signed), paymentPayload: "text" }), 400, "invalid_payload"],
  ["requirements that are missing", JSON.stringify(halfAnEnvelope), 400, "invalid_payload"],
  ["a version that is text", JSON.stringify({ ...envelopeOf(signed), x402Version: "2" }), 400, "invalid_payload"],
  ["a key twice", '{"x402Version":2,"x402Version":2}', 400, "invalid_payload"],
  ["nesting too deep to walk", `{"x402Version":2,"paymentPayload":${"[".repeat(40)}${"]".repeat(40)}}`, 400, "invalid_payload"],
  ["more than it reads", tooLarge, 413, "payload_too_large"],
  ["x402 version 1", JSON.stringify({ ...envelopeOf(signed), x402Version: 1 }), 200, "invalid_x402_version"],
  ["a payload of version 1", JSON.stringify({ ...envelopeOf(signed), paymentPayload: { x402Version: 1 } }), 200, "invalid_x402_version"],
  ["an empty payload", JSON.stringify({ ...envelopeOf(signed), paymentPayload: {} }), 200, "invalid_payload"],
  ["empty requirements", JSON.stringify({ ...envelopeOf(signed), paymentRequirements: {} }), 200, "invalid_payload"],
];

/** The shapes that stock merchants expect, and nothing else in them. */
const verifyShape = (code: string) => ({ isValid: false, invalidReason: code });
const settleShape = (code: string) => ({ success: false, errorReason: code, transaction: "", network: "logos:lez-testnet" });

/** A ledger that answers every call by throwing. */
function brokenLedger(facts: object): FacilitatorEnv {
  const fail = () => Promise.reject(Object.assign(new Error("secret detail"), facts));
  return { ...env, LEDGER: { getByName: () => new Proxy({}, { get: () => fail }) } as never };
}

describe("/verify and /settle answer in their own shape to", () => {
  test.each(UNREADABLE)("%s", async (_, body, status, code) => {
    expect(await post("/verify", body)).toMatchObject({ status, body: verifyShape(code) });
    expect(await post("/settle", body)).toMatchObject({ status, body: settleShape(code) });
  });

  test("a ledger that is gone: verify may be tried again, settle does not know", async () => {
    for (const [error, code] of [
      [{}, "facilitator_unavailable"],
      [{ overloaded: true }, "overloaded"],
    ] as const) {
      const verified = await post("/verify", envelopeOf(signed), brokenLedger(error));
      expect(verified).toMatchObject({ status: 503, body: verifyShape(code) });
      expect(verified.headers.get("retry-after")).toBe("2");
      const settled = await post("/settle", envelopeOf(signed), brokenLedger(error));
      const pending = { success: false, errorReason: "settlement_pending", payer: signed.payment.payer, transaction: signed.transaction };
      expect(settled).toMatchObject({ status: 200, body: pending });
      expect(JSON.stringify([verified, settled])).not.toContain("secret");
    }
  });

  test("a fault of our own", async () => {
    const LEDGER = { getByName: () => ({ check: () => undefined, settle: () => undefined }) } as never;
    const CALL_LIMIT = { limit: () => Promise.reject(new Error("secret detail")) };
    for (const fault of [{ LEDGER }, { CALL_LIMIT }]) {
      const verified = await post("/verify", envelopeOf(signed), { ...env, ...fault });
      expect(verified).toMatchObject({ status: 500, body: verifyShape("unexpected_verify_error") });
      const settled = await post("/settle", envelopeOf(signed), { ...env, ...fault });
      expect(settled).toMatchObject({ status: 500, body: settleShape("unexpected_settle_error") });
    }
  });
});

// --- Who is counted ----------------------------------------------------------------------------------

describe("a payment is counted", () => {
  /** The keys under which the platform was asked to count. */
  const counting = (limited?: string) => {
    const keys: string[] = [];
    const limiter = {
      limit: async ({ key = "" }) => {
        keys.push(key);
        return { success: key !== limited };
      },
    };
    return { keys, bindings: { ...env, CALL_LIMIT: limiter, SELLER_LIMIT: limiter } };
  };

  test("by the caller's network, and by its payer once the signature is verified", async () => {
    const payer = await fundedPayer(ledger);
    const { keys, bindings } = counting();
    expect(await post("/verify", envelopeOf(await signedPayment(payer)), bindings)).toMatchObject({ body: { isValid: true } });
    const forged = structuredClone(envelopeOf(await signedPayment(payer)));
    Object.assign(forged.paymentPayload.payload, { signature: "00".repeat(64) });
    expect(await post("/verify", forged, bindings)).toMatchObject({ body: { isValid: false } });
    expect(keys).toEqual(["call/local", `payer/${payer.account}`, "call/local"]);
  });

  test("by a key that the operator configured before anything else, and by no other key", async () => {
    const { keys, bindings } = counting();
    const hash = bodyDigest(utf8("an-operators-key"));
    for (const key of ["an-operators-key", "a-guess"]) {
      const headers = { Authorization: `Bearer ${key}` };
      await send(`/accounts/${signed.payment.payer}`, { headers }, { ...bindings, OPERATOR_KEY_SHA256: hash });
    }
    expect(keys).toEqual([`read/key/${hash}`, "read/local"]);
  });

  test("and refused with 429 when its payer calls too often, at both endpoints", async () => {
    const payer = await fundedPayer(ledger);
    const { bindings } = counting(`payer/${payer.account}`);
    const envelope = envelopeOf(await signedPayment(payer));
    expect(await post("/verify", envelope, bindings)).toMatchObject({ status: 429, body: { invalidReason: "rate_limited" } });
    expect(await post("/settle", envelope, bindings)).toMatchObject({ status: 429, body: { errorReason: "rate_limited" } });
    expect(await post("/settle", envelope)).toMatchObject({ body: { success: true } });
  });

  test("over RPC by its seller, whose holds can still be captured and released", async () => {
    const payer = await fundedPayer(ledger);
    const payment = await signedPayment(payer);
    const { keys, bindings } = counting(`seller/${payment.requirements.payTo}`);
    const worker = new FacilitatorWorker(createExecutionContext(), bindings);
    expect(await worker.reserve(reserveCommand(payment))).toEqual({ ok: false, code: "rate_limited" });
    expect(await worker.settle(settleCommand(payment))).toMatchObject({ success: false, errorReason: "rate_limited" });
    const held = await worker.reserve(reserveCommand({ ...payment, requirements: null }));
    expect(held).toMatchObject({ ok: false, code: "invalid_payload" });
    expect(keys).toEqual([`seller/${payment.requirements.payTo}`, `seller/${payment.requirements.payTo}`, "seller/none"]);

    const granted = await facilitator.reserve(reserveCommand(payment), "");
    if (!granted.ok) throw new Error(granted.code);
    expect(await worker.capture(granted.reservation)).toMatchObject({ ok: true });
  });
});

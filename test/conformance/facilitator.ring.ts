/** What x402 version 2 asks of a facilitator, of the running one, over HTTP. Each test is named after one requirement. */

import { HTTPFacilitatorClient } from "@x402/core/server";
import type { PaymentPayload, PaymentRequirements } from "@x402/core/types";
import { describe, expect, test } from "vitest";
import { utf8 } from "../../shared/crypto/bytes.ts";
import { bodyDigest } from "../../shared/crypto/digest.ts";
import { isErrorCode } from "../../shared/errors.ts";
import { MAX_FACILITATOR_BODY_BYTES } from "../../shared/limits.ts";
import { generateSecretKey, keySigner, type WalletSigner } from "../../shared/protocol/signer.ts";
import { change } from "../fields.ts";
import { merchant, stranger } from "../fixtures.ts";
import { type SignedPayment, signedPayment } from "../signed.ts";
import { floodUntilLimited, LOW_LIMITS } from "../stack/flood.ts";
import { useStack } from "../stack/stack.ts";

const world = useStack();
const CALLS = ["verify", "settle"] as const;
type Call = (typeof CALLS)[number];
type Answer = { status: number; headers: Headers; text: string; body: Record<string, unknown> };

async function post(call: Call, body: string | Uint8Array<ArrayBuffer> | ReadableStream, facilitator?: string): Promise<Answer> {
  const streamed = body instanceof ReadableStream ? { duplex: "half" as const } : {};
  const answer = await fetch(`${facilitator ?? world.stack.facilitator}/${call}`, { method: "POST", body, ...streamed });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, text, body: JSON.parse(text) as Record<string, unknown> };
}

/** Without a member in common: what a test changes in one place stays as it is in the other. */
const envelope = ({ payload, requirements }: SignedPayment) => ({
  x402Version: 2,
  paymentPayload: structuredClone(payload),
  paymentRequirements: structuredClone(requirements),
});
const send = (call: Call, signed: SignedPayment) => post(call, JSON.stringify(envelope(signed)));

async function fundedPayer(): Promise<WalletSigner> {
  return (await world.buyer()).people.owner;
}

/** Everything that can be seen of an account and of one payment. */
async function visibleState({ payment }: SignedPayment): Promise<unknown[]> {
  const { payer, payee, nonce, validBefore } = payment;
  const paths = [`accounts/${payer}`, `accounts/${payee}`, `settlements/logos:lez-testnet/${payer}/${nonce}?validBefore=${validBefore}`];
  return Promise.all(paths.map(async (path) => (await fetch(`${world.stack.facilitator}/${path}`)).json()));
}

/** Members of x402's answer and nothing else, with codes where there could be prose. */
function expectShape(call: Call, { text, body }: Answer): void {
  const failed = call === "verify" ? body["isValid"] === false : body["success"] === false;
  const reason = call === "verify" ? body["invalidReason"] : body["errorReason"];
  const members =
    call === "verify"
      ? ["isValid", "invalidReason", "payer"]
      : ["success", "errorReason", "payer", "transaction", "network", "amount", "extra"];
  expect(
    Object.keys(body).filter((member) => !members.includes(member)),
    text,
  ).toEqual([]);
  expect(failed, text).toBe(isErrorCode(reason));
  if (!failed) expect(reason, text).toBeUndefined();
  if (call === "settle") expect([typeof body["transaction"], typeof body["network"]], text).toEqual(["string", "string"]);
}

describe("GET /supported", () => {
  test("lists concrete networks, and has kinds, extensions and signers, always", async () => {
    const answer = await fetch(`${world.stack.facilitator}/supported`);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({
      kinds: ["exact", "upto", "batch-settlement"].map((scheme) => ({
        x402Version: 2,
        scheme,
        network: "logos:lez-testnet",
        extra: { ledger: world.stack.ledger },
      })),
      extensions: ["bazaar", "refund"],
      signers: { "logos:*": [] },
    });
  });
});

describe("POST /verify", () => {
  test("is pure: nothing that can be seen of the ledger changes, whether the payment is valid, refused or used", async () => {
    const payer = await fundedPayer();
    const good = await signedPayment(payer);
    const used = await signedPayment(payer);
    await send("settle", used);
    const forged = { ...good, payload: change(good.payload, "payload.signature", "ab".repeat(64)) };
    const before = await Promise.all([good, used].map(visibleState));
    for (const signed of [good, good, forged, used]) expect((await send("verify", signed)).status).toBe(200);
    expect(await Promise.all([good, used].map(visibleState))).toEqual(before);
  });

  test("is 200 for everything well-formed, with invalidReason only when invalid, and the payer when known", async () => {
    const payer = await fundedPayer();
    const good = await signedPayment(payer);
    expect(await send("verify", good)).toMatchObject({ status: 200, body: { isValid: true, payer: payer.account } });
    const poor = await signedPayment(await keySigner(generateSecretKey()));
    for (const [signed, invalidReason] of [
      [await signedPayment(payer, { validBefore: "1" }), "payment_expired"],
      [{ ...good, requirements: { ...good.requirements, amount: "1" } }, "amount_mismatch"],
      [poor, "insufficient_funds"],
    ] as const) {
      const answer = await send("verify", signed);
      expect(answer).toMatchObject({ status: 200, body: { isValid: false, invalidReason, payer: signed.payment.payer } });
      expectShape("verify", answer);
    }
  });
});

describe("POST /settle", () => {
  test("is 200 for success and failure, with transaction and network as strings, always", async () => {
    const payer = await fundedPayer();
    const signed = await signedPayment(payer);
    const first = await send("settle", signed);
    expect(first).toMatchObject({
      status: 200,
      body: { success: true, transaction: signed.transaction, network: "logos:lez-testnet", payer: payer.account },
    });
    const dear = await signedPayment(payer, { value: "999999999" as never });
    const refused = await send("settle", dear);
    expect(refused).toMatchObject({
      status: 200,
      body: { success: false, errorReason: "insufficient_funds", transaction: "", network: "logos:lez-testnet" },
    });
    for (const answer of [first, refused]) expectShape("settle", answer);
  });

  test("is a failure for a consumed nonce, and names the settlement that consumed it", async () => {
    const payer = await fundedPayer();
    const first = await signedPayment(payer);
    await send("settle", first);
    const sameNonce = await signedPayment(payer, { nonce: first.payment.nonce, value: "1" as never });
    for (const again of [first, sameNonce]) {
      const answer = await send("settle", again);
      expect(answer).toMatchObject({
        status: 200,
        body: { success: false, errorReason: "nonce_replayed", transaction: "", extra: { transaction: first.transaction } },
      });
    }
  });

  test("of one payment a hundred times at once has one success and one transfer", async () => {
    const payer = await fundedPayer();
    const signed = await signedPayment(payer);
    const [before] = (await visibleState(signed)) as { balance: string }[];
    const answers = await Promise.all(Array.from({ length: 100 }, () => send("settle", signed)));
    expect(answers.filter(({ body }) => body["success"])).toHaveLength(1);
    for (const answer of answers) {
      expect(answer.status).toBe(200);
      expectShape("settle", answer);
    }
    const [after] = (await visibleState(signed)) as { balance: string }[];
    expect(BigInt(after?.balance ?? "0")).toBe(BigInt(before?.balance ?? "0") - 10_000n);
  });

  test("of upto takes a charge up to the maximum that /verify got, once, and none is one [upto-settle]", async () => {
    const payer = await fundedPayer();
    const ask = async (path: string, init?: RequestInit) => (await fetch(`${world.stack.facilitator}${path}`, init)).json();
    const charging = (signed: SignedPayment, amount: string) => ({ ...signed, requirements: { ...signed.requirements, amount } });
    for (const [charge, other] of [
      ["77", "0"],
      ["0", "77"],
    ] as const) {
      const signed = await signedPayment(payer, { scheme: "upto" });
      const { transaction, payment } = signed;
      const [before] = (await visibleState(signed)) as { balance: string }[];
      expect(await send("verify", signed)).toMatchObject({ body: { isValid: true } });
      expect(await send("verify", charging(signed, charge))).toMatchObject({ body: { invalidReason: "amount_mismatch" } });
      const beyond = await send("settle", charging(signed, "10001"));
      expect(beyond).toMatchObject({ status: 200, body: { success: false, errorReason: "charge_exceeded" } });
      const settled = await send("settle", charging(signed, charge));
      expect(settled).toMatchObject({ status: 200, body: { success: true, transaction, amount: charge } });
      for (const answer of [beyond, settled]) expectShape("settle", answer);
      expect(await send("settle", charging(signed, other))).toMatchObject({
        body: { errorReason: "nonce_replayed", extra: { transaction } },
      });
      const [after, , status] = (await visibleState(signed)) as { balance: string; held: string; journalSeq: number }[];
      expect(after).toMatchObject({ balance: String(BigInt(before?.balance ?? 0) - BigInt(charge)), held: "0" });
      expect(status).toMatchObject({ status: "settled", transaction, charged: charge });
      const entry = await ask("/settlements/entry", { method: "POST", body: JSON.stringify(signed.payload.payload) });
      expect(entry).toMatchObject({
        payer: payment.payer,
        transaction,
        ...(charge === "0" ? { charged: "0" } : { entry: { value: "77" } }),
      });
      expect(entry).not.toHaveProperty(charge === "0" ? "entry" : "charged");
    }
  });

  test("verifies in full by itself: a payment that was changed after /verify accepted it is refused", async () => {
    const signed = await signedPayment(await fundedPayer());
    expect(await send("verify", signed)).toMatchObject({ body: { isValid: true } });
    const forged = {
      ...signed,
      payload: change(signed.payload, "payload.authorization.validBefore", String(signed.payment.validBefore - 1)),
    };
    expect(await send("settle", forged)).toMatchObject({ body: { success: false, errorReason: "invalid_signature" } });
    expect(await send("settle", signed)).toMatchObject({ body: { success: true } });
  });
});

describe.each(CALLS)("POST /%s", (call) => {
  const reason = (answer: Answer) => answer.body["invalidReason"] ?? answer.body["errorReason"];

  test("ignores unknown members of everything that is not signed", async () => {
    const signed = await signedPayment(await fundedPayer());
    const known = envelope(signed);
    const memo = { ...known.paymentPayload.accepted, extra: { memo: "mine" } };
    const more = { more: { of: ["anything", null, 1] } };
    const body = {
      ...known,
      ...more,
      paymentPayload: { ...known.paymentPayload, ...more, accepted: memo, payload: { ...known.paymentPayload.payload, ...more } },
    };
    expect((await post(call, JSON.stringify(body))).body).toMatchObject(call === "verify" ? { isValid: true } : { success: true });
  });

  test.each<[string, string, (signed: SignedPayment) => object]>([
    ["version 1 in the envelope", "invalid_x402_version", (signed) => ({ ...envelope(signed), x402Version: 1 })],
    ["version 1 in the payload", "invalid_x402_version", (signed) => change(envelope(signed), "paymentPayload.x402Version", 1)],
    ["splits", "unsupported_extra", (signed) => withExtra(signed, { splits: [{ payTo: signed.payment.payer, amount: "1" }] })],
    ["an unknown payment flow", "unsupported_extra", (signed) => withExtra(signed, { paymentFlow: "escrow" })],
    ["a transfer method", "unsupported_extra", (signed) => withExtra(signed, { assetTransferMethod: "transaction" })],
    [
      "a flow that was not offered",
      "offer_mismatch",
      (signed) => change(envelope(signed), "paymentPayload.accepted.extra", { paymentFlow: "upfront" }),
    ],
    ["another network of the family", "invalid_network", (signed) => withTerm(signed, "network", "logos:lez-mainnet")],
    ["a network pattern", "invalid_network", (signed) => withTerm(signed, "network", "logos:*")],
    ["another scheme", "unsupported_scheme", (signed) => withTerm(signed, "scheme", "upto")],
  ])("refuses %s: %s", async (_what, code, tamper) => {
    const signed = await signedPayment(await fundedPayer());
    const answer = await post(call, JSON.stringify(tamper(signed)));
    expect([answer.status, reason(answer)]).toEqual([200, code]);
    expectShape(call, answer);
  });

  test("answers what cannot be read with 400, shaped, and without a word of prose", async () => {
    const signed = JSON.stringify(envelope(await signedPayment(await fundedPayer())));
    const unreadable = [
      "",
      "<h1>hello</h1>",
      "null",
      "[]",
      "{}",
      '{"x402Version":2}',
      '{"x402Version":"2","paymentPayload":{},"paymentRequirements":{}}',
      '{"x402Version":2,"paymentPayload":null,"paymentRequirements":{}}',
      signed.replace("{", '{"x402Version":2,'),
      signed.replace("{", '{"__proto__":{},'),
      `${"[".repeat(10_000)}${"]".repeat(10_000)}`,
      new Uint8Array([0x7b, 0xff, 0x7d]),
    ];
    for (const body of unreadable) {
      const answer = await post(call, body);
      expect([answer.status, reason(answer)], String(body).slice(0, 60)).toEqual([400, "invalid_payload"]);
      expectShape(call, answer);
    }
  });

  test("answers wrong values of every kind with 200, shaped", async () => {
    const signed = await signedPayment(await fundedPayer());
    const paths = [
      "paymentPayload.accepted",
      "paymentPayload.payload",
      "paymentPayload.payload.authorization",
      "paymentRequirements.amount",
      "paymentRequirements.extra",
    ];
    for (const path of paths) {
      for (const value of ["<script>", "", -1, 1e300, true, [], {}]) {
        const answer = await post(call, JSON.stringify(change(envelope(signed), path, value)));
        expect(answer.status, `${path} ${JSON.stringify(value)}`).toBe(200);
        expectShape(call, answer);
        expect(answer.text).not.toContain("script");
      }
    }
  });

  test("caps bodies, with and without their length announced: 413, shaped", async () => {
    const signed = JSON.stringify(envelope(await signedPayment(await fundedPayer())));
    const largest = signed.padEnd(MAX_FACILITATOR_BODY_BYTES);
    expect((await post(call, largest)).status).toBe(200);
    for (const body of [`${largest} `, new Blob([`${largest} `]).stream()]) {
      const answer = await post(call, body);
      expect([answer.status, reason(answer)]).toEqual([413, "payload_too_large"]);
      expectShape(call, answer);
    }
  });

  test("is read by the official facilitator client, which gets the bare code to show", async () => {
    const client = new HTTPFacilitatorClient({ url: world.stack.facilitator });
    const { payload, requirements } = await signedPayment(await fundedPayer());
    const broken = { ...requirements, amount: "1" } as PaymentRequirements;
    const refused: Record<string, unknown> = { ...(await client[call](payload as PaymentPayload, broken)) };
    expect(refused["invalidReason"] ?? refused["errorReason"]).toBe("amount_mismatch");
    const large = { ...payload, extensions: { note: "x".repeat(MAX_FACILITATOR_BODY_BYTES) } } as PaymentPayload;
    await expect(client[call](large, requirements as PaymentRequirements)).rejects.toThrow(/^payload_too_large$/);
  });
});

describe("a facilitator with keys and limits", () => {
  const [KEY, ELSEWHERE] = ["the merchant's key", "another merchant's key"].map((text) => text.replaceAll(" ", "-")) as [string, string];
  const keys = { [bodyDigest(utf8(KEY))]: [merchant.account], [bodyDigest(utf8(ELSEWHERE))]: [stranger.account] };
  const guarded = useStack({ vars: { "lez-facilitator": { FACILITATOR_KEYS: JSON.stringify(keys) } } });
  const client = (key?: string) => {
    const headers = { ...(key && { Authorization: `Bearer ${key}` }) };
    const createAuthHeaders = async () => ({ verify: headers, settle: headers, supported: headers });
    return new HTTPFacilitatorClient({ url: guarded.stack.facilitator, createAuthHeaders });
  };

  test("answers 401, shaped, to callers without the payee's key, and serves the official client that has it", async () => {
    const { payload, requirements } = await signedPayment((await guarded.buyer()).people.owner);
    const terms = [payload as PaymentPayload, requirements as PaymentRequirements] as const;
    for (const call of CALLS) {
      for (const key of [undefined, ELSEWHERE, "guess"]) await expect(client(key)[call](...terms)).rejects.toThrow(/^unauthorized$/);
      const answer = await post(call, JSON.stringify(envelope({ payload, requirements } as SignedPayment)), guarded.stack.facilitator);
      expect(answer.status).toBe(401);
      expectShape(call, answer);
      expect(await client(KEY)[call](...terms)).toMatchObject(call === "verify" ? { isValid: true } : { success: true });
    }
  });

  const flooded = useStack({ limits: LOW_LIMITS });

  test("answers 429, shaped and with Retry-After, to an address that calls too often", async () => {
    const limited = await floodUntilLimited(() => post("verify", "{}", flooded.stack.facilitator));
    expect(limited?.body).toEqual({ isValid: false, invalidReason: "rate_limited" });
    expect(Number(limited?.headers.get("Retry-After"))).toBeGreaterThan(0);
    const settle = await floodUntilLimited(() => post("settle", "{}", flooded.stack.facilitator));
    expect(settle).toMatchObject({ status: 429, body: { success: false, errorReason: "rate_limited", transaction: "" } });
    if (settle) expectShape("settle", settle);
  });
});

describe("a facilitator that cannot do its work", () => {
  const broken = useStack({ vars: { "lez-facilitator": { FACILITATOR_KEYS: "{ not JSON, and secret" } } });

  test.each(CALLS)("answers POST /%s with 500, shaped, and says nothing about why", async (call) => {
    const signed = await signedPayment(await keySigner(generateSecretKey()));
    const answer = await post(call, JSON.stringify(envelope(signed)), broken.stack.facilitator);
    expect([answer.status, answer.body["invalidReason"] ?? answer.body["errorReason"]]).toEqual([500, `unexpected_${call}_error`]);
    expectShape(call, answer);
  });
});

function withExtra(signed: SignedPayment, extra: object): object {
  return withTerm(signed, "extra", extra);
}

/** The same change in what is accepted and in what is asked. */
function withTerm(signed: SignedPayment, member: string, value: unknown): object {
  return change(change(envelope(signed), `paymentPayload.accepted.${member}`, value), `paymentRequirements.${member}`, value);
}

/** The official client within a mandate: every way in which a merchant or a mandate can be wrong ends before the agent's signature. */

import { wrapFetchWithPayment, x402Client } from "@x402/fetch";
import { describe, expect, test } from "vitest";
import { LEDGER, merchant, NOW, offerOf, owner, REQUEST, stranger } from "../../../test/fixtures.ts";
import { newMandate } from "../../../test/signed.ts";
import { utf8 } from "../../crypto/bytes.ts";
import { bodyDigest, type Digest } from "../../crypto/digest.ts";
import type { Amount } from "../../protocol/amount.ts";
import { approvalNonce } from "../../protocol/authorization.ts";
import { bindingOf } from "../../protocol/binding.ts";
import type { ExactPayload } from "../../protocol/exact-payload.ts";
import { type Mandate, mandateDigest, signMandate } from "../../protocol/mandate.ts";
import { type PaymentRequest, requestDigest } from "../../protocol/payment-request.ts";
import type { WalletSigner } from "../../protocol/signer.ts";
import { encodeHeader, PAYMENT_REQUIRED, PAYMENT_SIGNATURE } from "../../x402/headers.ts";
import type { PaymentPayload, PaymentRequirements } from "../../x402/x402.ts";
import { verifyExact } from "../verify.ts";
import { ExactLezScheme, mandateFetch, type MandateFetchOptions, registerExactLezScheme } from "./index.ts";

const agent = stranger;
const ORIGIN = new URL(REQUEST.url).origin;
const REASON = "The premium report answers question 3 of the brief.";
const WINDOW = { grantedAt: String(NOW - 60), validAfter: String(NOW - 60), validBefore: String(NOW + 86_400) };
const mandateWith = (changes: Partial<Mandate> = {}) => newMandate(owner, agent, LEDGER, { ...WINDOW, ...changes });
const MANDATE = await mandateWith();
const FORGED = await signMandate(MANDATE.mandate, merchant);
const FOR_ANYTHING = await mandateWith({ payees: ["*"], origins: ["*"] });

interface Shop {
  offer?: PaymentRequirements;
  /** `resource` of the 402. */
  resource?: unknown;
  /** What the agent signed. */
  signed?: Digest[];
}

/** A merchant behind a fetch: 402, and 200 for whatever carries a payment. Returns what reached it. */
function buyer({ offer = offerOf(), resource = { url: REQUEST.url }, signed = [] }: Shop = {}, options: Partial<MandateFetchOptions> = {}) {
  const reached: Request[] = [];
  const shop: typeof fetch = async (input) => {
    const request = input as Request;
    reached.push(request);
    if (request.headers.has(PAYMENT_SIGNATURE)) return new Response("goods");
    return new Response(null, {
      status: 402,
      headers: { [PAYMENT_REQUIRED]: encodeHeader({ x402Version: 2, resource, accepts: [offer] }) },
    });
  };
  const made: { request: PaymentRequest; payload: PaymentPayload }[] = [];
  const agentKey: WalletSigner = { ...agent, sign: (digest) => (signed.push(digest), agent.sign(digest)) };
  const client = new x402Client().setSpendControls(false);
  const given = {
    client,
    agentKey,
    mandate: MANDATE,
    reason: REASON,
    clock: () => NOW,
    onPayment: (one: (typeof made)[0]) => void made.push(one),
  };
  const pay = wrapFetchWithPayment(mandateFetch(shop, { ...given, ...options }), client);
  const payments = () => reached.flatMap(({ headers }) => headers.get(PAYMENT_SIGNATURE) ?? []);
  const authorizations = () => made.map(({ payload }) => (payload.payload as ExactPayload).authorization);
  return { client, pay, made, authorizations, reached, payments };
}

const verify = (payload: unknown, offer: PaymentRequirements) => verifyExact(payload, offer, { now: NOW, ledger: LEDGER });

describe("within its mandate", () => {
  test("the official client pays the request that is sent, under the nonce of a request with a reason", async () => {
    const { pay, made, authorizations, payments } = buyer();
    expect(await (await pay(REQUEST.url)).text()).toBe("goods");
    const [one] = made;
    expect(payments()).toEqual([encodeHeader(one?.payload)]);
    expect(await verify(one?.payload, offerOf())).toMatchObject({ ok: true, payment: { payer: owner.account, payee: merchant.account } });
    expect(one?.request).toMatchObject({ http: REQUEST, reason: REASON, agent: { publicKey: agent.publicKey } });
    const asked = requestDigest(one?.request as PaymentRequest);
    expect(authorizations()).toMatchObject([{ origin: ORIGIN, requestDigest: asked, nonce: approvalNonce(owner.account, asked) }]);
  });

  test("each call is a request of its own, and calls at once get payments of their own requests", async () => {
    const { pay, made, authorizations } = buyer({ offer: offerOf({ extra: { ledger: LEDGER } }) });
    await Promise.all(["/a", "/b", "/a"].map((path) => pay(`${ORIGIN}${path}`)));
    expect(made.map(({ request }) => request.http.url).toSorted()).toEqual([`${ORIGIN}/a`, `${ORIGIN}/a`, `${ORIGIN}/b`]);
    expect(new Set(authorizations().map(({ nonce }) => nonce)).size).toBe(3);
  });

  test("a body is bound, and is sent", async () => {
    const http = { method: "POST", url: REQUEST.url, bodySha256: bodyDigest(utf8("a text")) };
    const offer = offerOf({ extra: { ledger: LEDGER, binding: bindingOf(http, offerOf()) } });
    const { pay, made, reached } = buyer({ offer });
    expect((await pay(REQUEST.url, { method: "POST", body: "a text" })).status).toBe(200);
    expect(made[0]?.request.http).toEqual(http);
    expect(await reached[1]?.text()).toBe("a text");
  });

  test("the reason may be told per request, and the payment ends with the mandate", async () => {
    const mandate = await mandateWith({ validBefore: String(NOW + 10) });
    const reason: MandateFetchOptions["reason"] = async ({ method, url }, { amount }) =>
      `${method} ${url} for ${amount} answers question 3.`;
    const { pay, made, authorizations } = buyer({}, { mandate, reason });
    await pay(REQUEST.url);
    expect(made[0]?.request.reason).toBe(`GET ${REQUEST.url} for 10000 answers question 3.`);
    expect(authorizations()[0]?.validBefore).toBe(String(NOW + 10));
  });

  test("a paid request follows no redirect, and everything else passes as it is", async () => {
    const { pay, reached } = buyer();
    await pay(REQUEST.url);
    expect(reached.map(({ redirect }) => redirect)).toEqual(["follow", "manual"]);
    await pay(REQUEST.url, { headers: { [PAYMENT_SIGNATURE]: "of another scheme" } });
    expect(reached[2]?.headers.get(PAYMENT_SIGNATURE)).toBe("of another scheme");
  });

  test("what keeps the payment on record can stop it", async () => {
    const { pay, payments } = buyer({}, { onPayment: () => Promise.reject(new Error("disk full")) });
    await expect(pay(REQUEST.url)).rejects.toThrow("disk full");
    expect(payments()).toEqual([]);
  });
});

describe("nothing is signed but the request, and nothing is paid", () => {
  const elsewhere = { url: "https://other.example/premium" };
  const extra = offerOf().extra ?? {};
  test.each<[string, string, Shop, Partial<Mandate>?]>([
    ["terms of another origin", "mandate_mismatch", { resource: elsewhere }],
    ["terms of no address", "mandate_mismatch", { resource: { url: "/premium" } }],
    ["terms of another scheme of address", "mandate_mismatch", { resource: { url: REQUEST.url.replace("https", "http") } }],
    ["an origin that the mandate does not name", "mandate_mismatch", {}, { origins: ["https://other.example"] }],
    ["a payee that the mandate does not name", "mandate_mismatch", {}, { payees: [owner.account] }],
    ["a scheme that the mandate does not name", "mandate_mismatch", {}, { schemes: ["upto"] }],
    ["another ledger than the mandate's", "ledger_mismatch", {}, { ledger: "00".repeat(32) as Digest }],
    ["an offer without a ledger", "mandate_mismatch", { offer: offerOf({ extra: {} }) }],
    ["more than the mandate allows for one payment", "mandate_exceeded", {}, { perPayment: "9999" as Amount }],
    ["a mandate that is over", "mandate_expired", {}, { validBefore: String(NOW - 1) }],
    ["a mandate that has not begun", "mandate_expired", {}, { validAfter: String(NOW + 1) }],
    ["another mandate's asset", "mandate_mismatch", {}, { asset: "gold" }],
    ["an offer for another request", "binding_mismatch", { offer: offerOf({ extra: { ...extra, binding: "00".repeat(32) } }) }],
    ["an offer in another asset", "asset_mismatch", { offer: offerOf({ asset: "gold" }) }],
    ["splits", "unsupported_extra", { offer: offerOf({ extra: { ...extra, splits: [{}] } }) }],
    ["an amount in decimals", "invalid_payload", { offer: offerOf({ amount: "0.01" }) }],
    ["a payment that stays valid for days", "validity_too_long", { offer: offerOf({ maxTimeoutSeconds: 90_000 }) }],
    ["an endless offer", "invalid_payload", { offer: offerOf({ extra: { ...extra, note: "x".repeat(4096) } }) }],
    ["terms that leave no room for the mandate", "payload_too_large", { resource: { url: REQUEST.url, description: "x".repeat(5000) } }],
  ])("%s: %s", async (_what, code, shop, changes) => {
    const signed: Digest[] = [];
    const { pay, payments, made } = buyer({ ...shop, signed }, changes && { mandate: await mandateWith(changes) });
    await expect(pay(REQUEST.url)).rejects.toMatchObject({ name: "PaymentRefused", code });
    expect([payments(), made]).toEqual([[], []]);
    expect(signed.length).toBeLessThanOrEqual(1);
  });

  test.each<[string, string, Partial<MandateFetchOptions>]>([
    ["a mandate that the payer did not grant", "invalid_signature", { mandate: FORGED }],
    ["a reason that says nothing", "invalid_payload", { reason: () => "because" }],
  ])("%s: %s", async (_what, code, options) => {
    const { pay, payments } = buyer({}, options);
    await expect(pay(REQUEST.url)).rejects.toMatchObject({ name: "PaymentRefused", code });
    expect(payments()).toEqual([]);
  });

  test("a body that no merchant reads: payload_too_large", async () => {
    const { pay, payments } = buyer();
    const huge = { method: "POST", body: new Uint8Array(1024 * 1024 + 1) };
    await expect(pay(REQUEST.url, huge)).rejects.toMatchObject({ code: "payload_too_large" });
    expect(payments()).toEqual([]);
  });

  test("a signer that is slow, or signs with another key, is found out before anything is sent", async () => {
    let now = NOW;
    const slow: WalletSigner = { ...agent, sign: (digest) => ((now += 901), agent.sign(digest)) };
    const wrong: WalletSigner = { ...agent, sign: async (digest) => (digests++ ? merchant.sign(digest) : agent.sign(digest)) };
    let digests = 0;
    for (const [agentKey, code] of [
      [slow, "payment_expired"],
      [wrong, "invalid_signature"],
    ] as const) {
      const { pay, payments } = buyer({}, { agentKey, clock: () => now });
      await expect(pay(REQUEST.url)).rejects.toMatchObject({ code });
      expect(payments()).toEqual([]);
      now = NOW;
    }
  });
});

describe("options with which nothing can be paid are refused at once", () => {
  test.each<[string, RegExp, Partial<MandateFetchOptions>]>([
    ["the key of another agent", /agentKey/, { agentKey: merchant }],
    [
      "a mandate with an unknown member",
      /unknown key "more"/,
      { mandate: { ...MANDATE, mandate: { ...MANDATE.mandate, more: "1" } as Mandate } },
    ],
    ["a mandate for any payee at any origin", /must name payees or origins/, { mandate: FOR_ANYTHING }],
    ["a reason that says nothing", /reason: .*32 visible/, { reason: "because" }],
  ])("%s", (_what, message, options) => {
    expect(() => buyer({}, options)).toThrow(message);
  });

  test("ExactLezScheme alone with a mandate throws: it is not told which address is fetched", () => {
    const signer = { ...agent, mandate: MANDATE } as never;
    expect(() => new ExactLezScheme(signer)).toThrow(/mandateFetch/);
    expect(() => registerExactLezScheme(new x402Client(), { signer })).toThrow(/mandateFetch/);
    expect(() => registerExactLezScheme(new x402Client(), { signer: agent, mandate: MANDATE as never })).toThrow(/mandateFetch/);
  });

  test("without this fetch below it, the client sends a draft, which is no payment", async () => {
    const { client } = buyer();
    const terms = { x402Version: 2, resource: { url: REQUEST.url }, accepts: [offerOf()] } as never;
    const draft = await client.createPaymentPayload(terms);
    expect(await verify(draft, offerOf())).toMatchObject({ code: "invalid_payload" });
    expect(draft.payload).toEqual({ draft: mandateDigest(MANDATE.mandate) });
  });
});

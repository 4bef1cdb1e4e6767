import { describe, expect, test } from "vitest";
import { approve, LEDGER, merchant, NOW, offerOf, owner, paymentRequest, REQUEST, stranger } from "../../test/fixtures.ts";
import { paymentPayloadSchema } from "../x402/x402.ts";
import { authorizationFor } from "./approval.ts";
import { approvalNonce, authorizationDigest, authorizationSchema } from "./authorization.ts";
import { bindingOf } from "./binding.ts";
import { exactPayloadSchema } from "./exact-payload.ts";
import { requestDigest } from "./payment-request.ts";
import { isSignedByKey } from "./proof.ts";

const request = await paymentRequest();

describe("what an owner signs", () => {
  test("is the request shown, word for word", async () => {
    const { authorization } = await approve(request);
    expect(authorization).toEqual({
      network: "logos:lez-testnet",
      asset: "native",
      from: owner.account,
      to: merchant.account,
      value: "10000",
      validAfter: String(NOW),
      validBefore: String(NOW + 900),
      nonce: approvalNonce(owner.account, requestDigest(request)),
      binding: bindingOf(REQUEST, offerOf()),
      ledger: LEDGER,
      requestDigest: requestDigest(request),
    });
    expect(authorizationSchema.safeParse(authorization).success).toBe(true);
  });

  test("is a pure function of the request, the account and the clock", async () => {
    const { checked, authorization } = await approve(request);
    const again = authorizationFor(Object.freeze(structuredClone(request)), structuredClone(checked), owner.account, NOW);
    expect(again).toEqual(authorization);
  });

  test("has the same nonce however often and whenever the request is approved", async () => {
    const nonces = await Promise.all([NOW, NOW + 1, NOW + 3600].map(async (now) => (await approve(request, now)).authorization.nonce));
    expect(new Set(nonces).size).toBe(1);
    expect((await approve(request, NOW, 60)).authorization.nonce).toBe(nonces[0]);
  });

  test("has another nonce for another request, and for another payer", async () => {
    const { checked, authorization } = await approve(request);
    const other = await approve(await paymentRequest(undefined, { id: "pr_ffffffffffffffff" }));
    expect(other.authorization.nonce).not.toBe(authorization.nonce);
    expect(authorizationFor(request, checked, stranger.account, NOW).nonce).not.toBe(authorization.nonce);
  });

  test("can be shortened by the owner, never lengthened", async () => {
    expect((await approve(request, NOW, 60)).authorization.validBefore).toBe(String(NOW + 60));
    expect((await approve(request, NOW, 901)).authorization.validBefore).toBe(String(NOW + 900));
  });

  test("has no binding and no ledger where the offer has none", async () => {
    const { extra: _, ...offer } = offerOf();
    const { authorization } = await approve(await paymentRequest(offer));
    expect(Object.keys(authorization)).not.toContain("binding");
    expect(Object.keys(authorization)).not.toContain("ledger");
  });
});

describe("the signed payment", () => {
  test("echoes the offer to the byte, foreign members included", async () => {
    const offer = { ...offerOf(), note: { ü: [1, 2.5, null] }, extra: { ...offerOf().extra, name: "LGO" } };
    const { payload } = await approve(await paymentRequest(offer));
    expect(payload.accepted).toEqual(offer);
    expect(payload.resource).toEqual({ url: REQUEST.url });
    expect(paymentPayloadSchema.safeParse(payload).success).toBe(true);
  });

  test("carries a signature that the owner's key made over the authorization", async () => {
    const { authorization, payload } = await approve(request);
    const exact = exactPayloadSchema.parse(payload.payload);
    expect(await isSignedByKey(exact, authorizationDigest(authorization))).toBe(true);
    expect(exact.publicKey).toBe(owner.publicKey);
  });
});

import { describe, expect, test } from "vitest";
import vector from "../../spec/vectors/native.json" with { type: "json" };
import { hexToBytes } from "../crypto/bytes.ts";
import type { Digest } from "../crypto/digest.ts";
import { BRIDGE_ACCOUNT } from "./account.ts";
import { draftPayment, type PaymentDraft, type PaymentTerms, signDraft } from "./pay.ts";
import { BUYER, BUYER_KEY, CONTEXT, NO_AUX, NOW, OFFER, SELLER_KEY } from "./testing/payment.ts";
import { verifyNative } from "./verify.ts";

const TERMS: PaymentTerms = { offer: OFFER, from: BUYER, nonce: 7n, maxFee: 26_712n, now: NOW };
const REQUEST = "a7".repeat(32) as Digest;

function draft(changed: Partial<PaymentTerms> = {}): PaymentDraft {
  const drafted = draftPayment({ ...TERMS, ...changed });
  if (!drafted.ok) throw new Error(drafted.problem);
  return drafted.draft;
}

test("the published vector is what this signs, to the byte [native-pay-vector]", () => {
  const key = hexToBytes(vector.keys.payer);
  const signed = signDraft(draft({ offer: vector.payload.accepted, now: Number(vector.verifiedAt) }), key, {
    aux: hexToBytes(vector.keys.auxiliary),
  });
  expect(signed.payload).toEqual(vector.payload);
  expect(signed.transaction).toBe(vector.transaction);
});

test("what is signed is what was drafted, and verifies: request, window, nonce, fee", () => {
  const made = draft({ requestDigest: REQUEST, expiresIn: 60, nonce: 2n ** 100n, maxFee: 99n, gasLimit: 5n });
  const signed = signDraft(made, BUYER_KEY, { url: "http://shop.example/a" });
  expect(verifyNative(signed.payload, OFFER, CONTEXT)).toMatchObject({
    ok: true,
    payment: {
      h: made.h,
      transaction: signed.transaction,
      nonce: 2n ** 100n,
      value: 10_000n,
      maxFee: 99n,
      validBefore: NOW + 60,
      requestDigest: REQUEST,
    },
  });
  expect(signed.payload.resource).toEqual({ url: "http://shop.example/a" });
});

test("the owner shortens the window and never lengthens it", () => {
  const until = (changed: Partial<PaymentTerms>) => Number(draft(changed).statement.validBefore) - NOW;
  expect([until({}), until({ expiresIn: 10 }), until({ expiresIn: 10_000 })]).toEqual([900, 10, 900]);
  expect(until({ offer: { ...OFFER, maxTimeoutSeconds: 1e9 } })).toBe(12 * 3600);
});

test("an offer without a binding has a statement without one; one without a finality takes the threshold's", () => {
  const { binding: _, finality: __, ...extra } = OFFER.extra;
  const unbound = draft({ offer: { ...OFFER, amount: "1000000001", extra } });
  expect(unbound.statement).not.toHaveProperty("binding");
  expect(unbound.finality).toBe("final");
});

test("two signatures of one draft are one payment", () => {
  const made = draft();
  const [first, second] = [signDraft(made, BUYER_KEY), signDraft(made, BUYER_KEY, { aux: NO_AUX })];
  expect(first.transaction).not.toBe(second.transaction);
  expect(first.statement.messageHash).toBe(second.statement.messageHash);
});

test("another account's key signs nothing [native-pay-key]", () => {
  expect(() => signDraft(draft(), SELLER_KEY)).toThrow(TypeError);
});

describe("an offer that cannot be paid is refused before a key is asked for", () => {
  const offer = (changed: object): Partial<PaymentTerms> => ({ offer: { ...OFFER, ...changed } });
  const extra = (changed: object) => offer({ extra: { ...OFFER.extra, ...changed } });
  test.each<[string, string, Partial<PaymentTerms>]>([
    ["scheme upto", "unsupported_scheme", offer({ scheme: "upto" })],
    ["the mock's network", "invalid_network", offer({ network: "logos:lez-testnet" })],
    ["another asset", "asset_mismatch", offer({ asset: "token" })],
    ["an amount of 0", "amount_mismatch", offer({ amount: "0" })],
    ["an amount that is no number", "amount_mismatch", offer({ amount: "1e3" })],
    ["no extra", "unsupported_extra", offer({ extra: null })],
    ["another transfer method", "unsupported_extra", extra({ assetTransferMethod: "permit" })],
    ["a hold", "unsupported_extra", extra({ paymentFlow: "authorization" })],
    ["another dialect", "unsupported_extra", extra({ dialect: "v0.2" })],
    ["splits", "unsupported_extra", extra({ splits: [{}] })],
    ["a depth that is no depth", "unsupported_extra", extra({ finality: "depth:65" })],
    ["no largest fee", "unsupported_extra", extra({ maxFee: undefined })],
    ["no chain", "ledger_mismatch", extra({ ledger: undefined })],
    ["its own account", "recipient_mismatch", offer({ payTo: BUYER })],
    ["no account", "recipient_mismatch", offer({ payTo: "shop" })],
    ["the bridge", "recipient_mismatch", offer({ payTo: BRIDGE_ACCOUNT })],
    ["a fee above the offer's", "fee_rejected", { maxFee: 100_001n }],
    ["more gas than a block has", "fee_rejected", { gasLimit: 10_000_001n }],
  ])("%s: %s", (_, code, changed) => {
    const drafted = draftPayment({ ...TERMS, ...changed });
    expect(drafted.ok || drafted.code).toBe(code);
  });
});

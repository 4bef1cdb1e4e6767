import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LEDGER, offerOf, stranger } from "../../test/fixtures.ts";
import type { PaymentRequirements } from "../x402/x402.ts";
import { compareOffer, supportsExtra } from "./offer.ts";

const offer: PaymentRequirements = { ...offerOf(), note: { nested: ["a", 1] } };
const extra = { ...offer.extra };

describe("what a client echoes", () => {
  test("may be the offer itself, with members in any order", () => {
    const reversed = Object.fromEntries(Object.entries(offer).toReversed()) as PaymentRequirements;
    expect(compareOffer(structuredClone(reversed), offer)).toBeUndefined();
  });

  test("may have more keys in extra", () => {
    expect(compareOffer({ ...offer, extra: { ...extra, memo: { mine: true } } }, offer)).toBeUndefined();
  });

  test("may spell an absent extra in three ways", () => {
    const { extra: _, ...bare } = offer;
    const spellings = [bare, { ...bare, extra: null }, { ...bare, extra: {} }];
    for (const ours of spellings) for (const theirs of spellings) expect(compareOffer(theirs, ours)).toBeUndefined();
  });

  test.each<[string, Partial<PaymentRequirements>, string]>([
    ["another scheme", { scheme: "upto" }, "unsupported_scheme"],
    ["another network", { network: "logos:other" }, "invalid_network"],
    ["another asset", { asset: "other" }, "asset_mismatch"],
    ["another recipient", { payTo: stranger.account }, "recipient_mismatch"],
    ["a smaller amount", { amount: "9999" }, "amount_mismatch"],
    ["the amount in another spelling", { amount: "010000" }, "amount_mismatch"],
    ["another timeout", { maxTimeoutSeconds: 901 }, "offer_mismatch"],
    ["a member that was not offered", { surprise: 1 }, "offer_mismatch"],
    ["a changed foreign member", { note: { nested: ["a", 2] } }, "offer_mismatch"],
    ["no extra", { extra: {} }, "ledger_mismatch"],
    ["another ledger", { extra: { ...extra, ledger: "00".repeat(32) } }, "ledger_mismatch"],
    ["another binding", { extra: { ...extra, binding: "00".repeat(32) } }, "binding_mismatch"],
    ["a payment flow that was not offered", { extra: { ...extra, paymentFlow: "upfront" } }, "offer_mismatch"],
    ["a transfer method that was not offered", { extra: { ...extra, assetTransferMethod: "transaction" } }, "offer_mismatch"],
    ["a value without canonical form", { extra: { ...extra, binding: Infinity } }, "binding_mismatch"],
  ])("may not be %s", (_, change, code) => expect(compareOffer({ ...offer, ...change }, offer)).toBe(code));

  test("must repeat every key of the offer's extra", () => {
    const ours = { ...offer, extra: { ...extra, name: "LGO", toString: "own" } };
    expect(compareOffer({ ...offer, extra: { ...extra, name: "LGO" } }, ours)).toBe("offer_mismatch");
    expect(compareOffer({ ...offer, extra: { ...extra, name: "LEZ", toString: "own" } }, ours)).toBe("offer_mismatch");
    expect(compareOffer(structuredClone(ours), ours)).toBeUndefined();
  });

  test("is judged without throwing, whatever it is", () => {
    const anything = fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true, withSparseArray: true });
    const terms = fc.record({ extra: fc.dictionary(fc.string(), anything), other: anything }).map((more) => ({ ...offer, ...more }));
    fc.assert(fc.property(terms, terms, (a, b) => ["string", "undefined"].includes(typeof compareOffer(a, b))));
  });
});

const supports = (extra: PaymentRequirements["extra"]) => supportsExtra({ ...offer, extra });

describe("extra", () => {
  test.each([
    ["nothing", {}],
    ["null", null],
    ["nulls", { paymentFlow: null, assetTransferMethod: null, splits: null, ledger: null }],
    ["the default flow by name", { paymentFlow: "authorization" }],
    ["the upfront flow", { paymentFlow: "upfront" }],
    ["no splits", { splits: [] }],
    ["a ledger", { ledger: LEDGER }],
    ["what does not change a payment's meaning", { name: "LGO", decimals: 9 }],
  ])("with %s can be honoured", (_, extra) => expect(supports(extra)).toBe(true));

  test.each([
    ["an escrow", { paymentFlow: "escrow" }],
    ["a flow that is no string", { paymentFlow: ["upfront"] }],
    ["splits", { splits: [{ payTo: stranger.account, amount: "1" }] }],
    ["splits that are no array", { splits: { 0: "a" } }],
    ["a transfer method", { assetTransferMethod: "default" }],
    ["a ledger that is no id", { ledger: "main" }],
  ])("with %s is refused", (_, extra) => expect(supports(extra)).toBe(false));
});

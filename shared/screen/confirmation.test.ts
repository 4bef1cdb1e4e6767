import { describe, expect, test } from "vitest";
import { offerOf, stranger } from "../../test/fixtures.ts";
import type { PaymentRequired, PaymentRequirements } from "../x402/x402.ts";
import { judgeAnswer, type OfferSignatureCheck } from "./confirmation.ts";

const offer = offerOf();
const terms = (...accepts: PaymentRequirements[]) => {
  const required: PaymentRequired = { x402Version: 2, resource: { url: "https://merchant.example.com/premium" }, accepts };
  return { kind: "terms", required } as const;
};
const unchecked: OfferSignatureCheck = { kind: "unchecked" };
const signed: OfferSignatureCheck = { kind: "signed", publicKey: "ab".repeat(32) };
const kinds = (change: Partial<PaymentRequirements>, signature: OfferSignatureCheck = unchecked) =>
  ["GET", "HEAD", "POST", "DELETE"].map((method) => judgeAnswer(method, offer, terms({ ...offer, ...change }), signature).kind);

test("the same offer, wherever it stands in the list, is confirmed", () => {
  expect(kinds({})).toEqual(["confirmed", "confirmed", "confirmed", "confirmed"]);
  expect(judgeAnswer("GET", offer, terms({ ...offer, amount: "1" }, offer), unchecked).kind).toBe("confirmed");
});

describe("another offer is refused for a request that was asked as it will be paid, and unconfirmed for one without its body", () => {
  test.each<[string, Partial<PaymentRequirements>]>([
    ["payee", { payTo: stranger.account }],
    ["amount", { amount: "10001" }],
    ["asset", { asset: "other" }],
    ["network", { network: "logos:lez-mainnet" }],
    ["ledger", { extra: { ...offer.extra, ledger: "00".repeat(32) } }],
    ["flow", { extra: { ...offer.extra, paymentFlow: "upfront" } }],
    ["time", { maxTimeoutSeconds: 5 }],
    ["binding that is missing", { extra: { ledger: offer.extra?.["ledger"] } }],
  ])("%s", (_, change) => {
    expect(kinds(change)).toEqual(["differs", "differs", "unconfirmed", "unconfirmed"]);
  });

  test("the binding of a request with a body cannot be asked for", () => {
    expect(kinds({ extra: { ...offer.extra, binding: "00".repeat(32) } })).toEqual(["differs", "differs", "confirmed", "confirmed"]);
  });
});

test("the difference is named, with the host's words quoted", () => {
  const judged = judgeAnswer("POST", offer, terms({ ...offer, payTo: "you\u001b[2J", amount: "\u202E1" }), unchecked);
  expect(judged).toMatchObject({ kind: "unconfirmed", why: expect.stringContaining('amount is "⟦U+202E⟧1", not "0.00001 LGO"') as string });
  expect(judged).toMatchObject({ why: expect.not.stringContaining("\u001b") as string });
});

test("a signature of the host stands in for a price that depends on the body, and for nothing else", () => {
  expect(kinds({ amount: "10001" }, signed)).toEqual(["differs", "differs", "confirmed", "confirmed"]);
  expect(kinds({ payTo: stranger.account }, signed).slice(2)).toEqual(["unconfirmed", "unconfirmed"]);
  expect(kinds({ amount: "10001", payTo: stranger.account }, signed).slice(2)).toEqual(["unconfirmed", "unconfirmed"]);
  expect(judgeAnswer("POST", offer, { kind: "none", why: "it answers 400, not 402" }, signed).kind).toBe("unconfirmed");
});

test("an offer without canonical form is not the same as another", () => {
  const odd = { ...offer, extra: { ...offer.extra, weight: Number.NaN } };
  expect(judgeAnswer("GET", odd, terms(odd), unchecked).kind).toBe("differs");
});

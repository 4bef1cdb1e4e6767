/**
 * Whether the host of a request confirms its terms. Host, payee and price in a request are the agent's claim until the host
 * itself makes the same offer.
 */

import { canonicalJson } from "../crypto/digest.ts";
import { displayAmount } from "../protocol/amount.ts";
import type { PaymentRequired, PaymentRequirements } from "../x402/x402.ts";
import { quote } from "./escapes.ts";

/** The host's signature under the terms that the agent kept, checked with the key that the host publishes now. */
export type OfferSignatureCheck =
  | { kind: "signed"; publicKey: string }
  | { kind: "unsigned"; why: string }
  /** Nothing was fetched to check it with. */
  | { kind: "unchecked" };

export type Confirmation =
  /**
   * Asked just now, the host answered with a 402 that makes this offer. `signature`: its price depends on a body that it was
   * not sent, and its own signature covers this one.
   */
  | { kind: "confirmed"; by: "terms" | "signature"; required: PaymentRequired }
  | { kind: "unconfirmed"; why: string; signature: OfferSignatureCheck };

/** What the host answered when it was asked for its terms. */
export type HostAnswer =
  | { kind: "terms"; required: PaymentRequired }
  /** No 402, no terms that can be read, no answer, or not asked at all. */
  | { kind: "none"; why: string };

export interface TermsDifference {
  term: string;
  requested: string;
  offered: string;
}

/** `differs`: the same request, asked again, has other terms. That is a refusal, not a question. */
export type Judgement = Confirmation | { kind: "differs"; differences: TermsDifference[] };

/** GET and HEAD are asked exactly as they would be paid. Other methods are asked without their body. */
export function isSafeMethod(method: string): boolean {
  return method === "GET" || method === "HEAD";
}

/**
 * Makes the confirmation, and is the only place that does. A GET must be offered to the byte, its binding included. For other
 * methods the binding covers a body that the host was not sent, so it is left out; if the body also sets the price, the
 * host's own signature under the offer stands in for it.
 */
export function judgeAnswer(method: string, offer: PaymentRequirements, answer: HostAnswer, signature: OfferSignatureCheck): Judgement {
  if (answer.kind === "none") return { kind: "unconfirmed", why: answer.why, signature };
  const { required } = answer;
  const exactly = isSafeMethod(method);
  const wanted = comparable(offer, exactly);
  if (wanted !== undefined && required.accepts.some((candidate) => comparable(candidate, exactly) === wanted))
    return { kind: "confirmed", by: "terms", required };
  const differences = closest(offer, required.accepts);
  if (exactly) return { kind: "differs", differences };
  const onlyThePrice = differences.every(({ term }) => term === "amount");
  if (onlyThePrice && signature.kind === "signed") return { kind: "confirmed", by: "signature", required };
  return { kind: "unconfirmed", why: `asked without the body, it offers other terms: ${differencesText(differences)}`, signature };
}

export function differencesText(differences: readonly TermsDifference[]): string {
  return differences.map(({ term, requested, offered }) => `${term} is ${offered}, not ${requested}`).join("; ");
}

function closest(offer: PaymentRequirements, accepts: readonly PaymentRequirements[]): TermsDifference[] {
  const compared = accepts.map((candidate) => differencesOf(offer, candidate));
  return compared.toSorted((a, b) => a.length - b.length)[0] ?? [{ term: "the list of offers", requested: "this offer", offered: "empty" }];
}

function differencesOf(offer: PaymentRequirements, candidate: PaymentRequirements): TermsDifference[] {
  const pairs: [string, unknown, unknown][] = [
    ["payee", offer.payTo, candidate.payTo],
    ["amount", amountText(offer), amountText(candidate)],
    ["asset", offer.asset, candidate.asset],
    ["network", offer.network, candidate.network],
    ["ledger", offer.extra?.["ledger"], candidate.extra?.["ledger"]],
  ];
  const differing = pairs.filter(([, requested, offered]) => requested !== offered);
  if (differing.length === 0) return [{ term: "another member", requested: "the same", offered: "different" }];
  return differing.map(([term, requested, offered]) => ({ term, requested: quote(requested), offered: quote(offered) }));
}

function amountText({ amount }: PaymentRequirements): string {
  return /^[0-9]{1,39}$/.test(amount) ? displayAmount(amount) : amount;
}

/** A value without canonical form equals nothing. */
function comparable(offer: PaymentRequirements, exactly: boolean): string | undefined {
  try {
    return canonicalJson(exactly ? offer : { ...offer, extra: { ...offer.extra, binding: "binding" in (offer.extra ?? {}) } });
  } catch {
    return undefined;
  }
}

/** A payment as its buyer presents it: parsed from PAYMENT-SIGNATURE, compared with the offer, named, verified. */

import * as z from "zod/mini";
import { utf8 } from "../../../shared/crypto/bytes.ts";
import { bodyDigest, canonicalJson, type Digest } from "../../../shared/crypto/digest.ts";
import type { ErrorCode } from "../../../shared/errors.ts";
import { isOtherVersion, verifyPayment } from "../../../shared/exact/verify.ts";
import { BAZAAR } from "../../../shared/extensions/bazaar.ts";
import { BATCH_SETTLEMENT, isNative, type Scheme, UPTO } from "../../../shared/lez.ts";
import { RETENTION_SECONDS } from "../../../shared/limits.ts";
import { authorizationDigest, transactionOf } from "../../../shared/protocol/authorization.ts";
import { type ExactPayload, exactPayloadSchema } from "../../../shared/protocol/exact-payload.ts";
import { compareOffer, echoesExtensions } from "../../../shared/protocol/offer.ts";
import { FACILITATOR_DECIDES } from "../../../shared/protocol/passkey.ts";
import type { PaymentRefusal } from "../../../shared/protocol/refusal.ts";
import { checkShape } from "../../../shared/text/json.ts";
import { unixNow } from "../../../shared/time.ts";
import { decodeHeader } from "../../../shared/x402/headers.ts";
import { type PaymentPayload, paymentPayloadSchema, type PaymentRequirements, type SettleResponse } from "../../../shared/x402/x402.ts";
import { nativeAcceptor } from "./native-acceptor.ts";
import type { Challenge, PaymentFacts, PresentedPayment } from "./types.ts";

export type ParsedPayment = { ok: true; payment: PaymentPayload } | { ok: false; code: ErrorCode; detail?: string };

/** A payment whose signature is good. */
interface Verified {
  ok: true;
  payment: Pick<PaymentFacts, "payer" | "nonce" | "validBefore">;
  readonly transaction: Digest;
}

export type ReadPayment =
  | { ok: true; presented: PresentedPayment }
  /** With `presented` it could be parsed, but fits no offer. */
  | { ok: false; code: ErrorCode; detail?: string; presented?: PresentedPayment };

/** Parse loosely first, so that each failure gets its own code. */
const anyJson = z.unknown();

export function parsePayment(header: string): ParsedPayment {
  const json = decodeHeader(header, anyJson);
  if (!json.ok) return { ok: false, code: json.code, detail: json.problem };
  if (isOtherVersion(json.value)) return { ok: false, code: "invalid_x402_version" };
  const payment = checkShape(json.value, paymentPayloadSchema);
  return payment.ok ? { ok: true, payment: payment.value } : { ok: false, code: payment.code, detail: payment.problem };
}

export function readPayment(parsed: ParsedPayment, challenge: Challenge, traceId: string): ReadPayment {
  if (!parsed.ok) return parsed;
  const { payment } = parsed;
  const match = matchOffer(payment.accepted, challenge.offers);
  const presented = new Presented(inOwnWords(payment, challenge), match, challenge, traceId);
  if (match.code) return { ok: false, code: match.code, presented };
  if (namesOtherOrigin(payment, challenge)) return { ok: false, code: "binding_mismatch", presented };
  if (!echoesExtensions(payment.extensions, challenge.advertised)) return { ok: false, code: "extension_echo_mismatch", presented };
  return { ok: true, presented };
}

/** A facilitator lists what the merchant says of its route, and only if the merchant opted in. A buyer can send anything. */
function inOwnWords(payment: PaymentPayload, { required: { resource, extensions: own } }: Challenge): PaymentPayload {
  const { [BAZAAR]: echoed, ...others } = payment.extensions ?? {};
  const said = own?.[BAZAAR];
  if (said) return { ...payment, resource, extensions: { ...others, [BAZAAR]: said } };
  return echoed === undefined ? payment : { ...payment, extensions: others };
}

/** A mandate's `origins` hold where the merchant is honest: it takes no payment that was signed for another's address. */
function namesOtherOrigin({ payload }: PaymentPayload, { request }: Challenge): boolean {
  // Its shape is the verification's affair; parsing all of it would cost every payment.
  const { origin } = (payload["authorization"] ?? {}) as { origin?: unknown };
  return origin !== undefined && !(typeof origin === "string" && request.url.startsWith(`${origin}/`));
}

export interface OfferMatch {
  offer: PaymentRequirements;
  index: number;
  /** Why the offer is not the accepted one; undefined if it is. */
  code: ErrorCode | undefined;
}

/** The first offer that was accepted; of offers that were not, the one that comes closest. */
export function matchOffer(accepted: PaymentRequirements, offers: readonly PaymentRequirements[]): OfferMatch {
  let best: OfferMatch | undefined;
  for (const [index, offer] of offers.entries()) {
    const code = compareOffer(accepted, offer);
    if (!code) return { offer, index, code };
    if (!best || distance(code) < distance(best.code)) best = { offer, index, code };
  }
  if (!best) throw new TypeError("a challenge has at least one offer");
  return best;
}

/** The codes of `compareOffer`, closest first. */
const CLOSEST: (ErrorCode | undefined)[] = [
  "offer_mismatch",
  "binding_mismatch",
  "ledger_mismatch",
  "amount_mismatch",
  "recipient_mismatch",
];

function distance(code: ErrorCode | undefined): number {
  const at = CLOSEST.indexOf(code);
  return at < 0 ? CLOSEST.length : at;
}

/** A class: to define an accessor for each payment costs as much as to compare its offer. */
class Presented implements PresentedPayment {
  readonly payment: PaymentPayload;
  readonly offer: PaymentRequirements;
  readonly offerIndex: number;
  readonly traceId: string;
  isProved?: boolean;
  #exact: ExactPayload | undefined;
  #facts: PaymentFacts | undefined;

  constructor(payment: PaymentPayload, { offer, index }: OfferMatch, { places }: Challenge, traceId: string) {
    this.payment = payment;
    this.offer = offer;
    this.offerIndex = places[index] ?? index;
    this.traceId = traceId;
  }

  get exact(): ExactPayload | undefined {
    // A voucher has another payload, and the words for all that is wrong with it as an authorization would cost it a third of its time.
    if (this.offer.scheme !== BATCH_SETTLEMENT) this.#exact ??= exactPayload(this.payment);
    return this.#exact;
  }

  get facts(): PaymentFacts | undefined {
    this.#facts ??= isNative(this.payment.accepted) ? nativeAcceptor()?.factsOf(this.payment) : exactFacts(this.exact);
    return this.#facts;
  }
}

function exactFacts(exact: ExactPayload | undefined): PaymentFacts | undefined {
  if (!exact) return undefined;
  const { from: payer, value: amount, nonce, network, validAfter, validBefore, binding } = exact.authorization;
  let key: Digest | undefined;
  return {
    payer,
    nonce,
    amount,
    binding,
    validAfter: Number(validAfter),
    validBefore: Number(validBefore),
    retention: RETENTION_SECONDS,
    // Hashed on first use: few answers need it.
    get key() {
      return (key ??= authorizationDigest(exact.authorization));
    },
    get transaction() {
      return transactionOf(network, this.key);
    },
  };
}

function exactPayload({ payload }: PaymentPayload): ExactPayload | undefined {
  const exact = checkShape(payload, exactPayloadSchema);
  return exact.ok ? exact.value : undefined;
}

/** Names the payment by its payload, signature included: only a holder of the payment can compute it. */
export function payloadKey({ payment }: PresentedPayment): Digest {
  return bodyDigest(utf8(canonicalJson(payment.payload)));
}

/**
 * Names the payment in the merchant's memory by its authorization alone, since that is what pays once: a payer can sign it again or
 * add members beside it. The key is no secret, so use it only after the signature was verified.
 */
export function deliveryKey(presented: PresentedPayment): Digest {
  return presented.facts?.key ?? payloadKey(presented);
}

/**
 * Verifies the payment's terms and signature. Expiry is not checked here: only the ledger can tell an expired payment from one that
 * settled in time.
 */
export async function verifyPresented({
  payment,
  offer,
  isProved,
  facts,
}: Pick<PresentedPayment, "payment" | "offer"> & Partial<PresentedPayment>): Promise<Verified | PaymentRefusal> {
  if (isProved && facts) return { ok: true, payment: facts, transaction: facts.transaction };
  const ledger = (offer.extra?.["ledger"] ?? "") as Digest;
  const context = { now: unixNow(), ledger, expiryIsTheLedgers: true, ...FACILITATOR_DECIDES };
  return verifyPayment(payment, offer, context, offer.scheme as Scheme);
}

/** What a payment of scheme `upto` was charged, in atomic units; undefined of another scheme. */
export function chargedBy({ offer }: PresentedPayment, { amount }: SettleResponse): string | undefined {
  return offer.scheme === UPTO ? (amount ?? undefined) : undefined;
}

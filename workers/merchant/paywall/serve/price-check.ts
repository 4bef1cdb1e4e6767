/**
 * Compares a payment with the price of now, on a route whose terms depend on the request, before it takes new money. What was paid
 * earlier does not ask the price again.
 */

import { type Digest, randomDigest } from "../../../../shared/crypto/digest.ts";
import type { ErrorCode } from "../../../../shared/errors.ts";
import { withTimeout } from "../facilitator/within-timeout.ts";
import { matchOffer } from "../presented-payment.ts";
import { passOnRefusal, refuseRequest } from "../responses.ts";
import type { IdempotencyClaim, PaidRequest, PriceOfNow, ServeResult, SubstituteResponse } from "../types.ts";
import { takeUp } from "./paid.ts";

/** Whether the payment may take new money; `request` then has the terms of now. */
type PriceCheck = { ok: true; request: PaidRequest } | { ok: false; result: ServeResult };

/** @param request with a verified signature */
export async function checkPrice(request: PaidRequest, price: PriceOfNow, claim?: IdempotencyClaim): Promise<PriceCheck> {
  const earlier = await takeUp(request, claim);
  if (earlier.kind === "served") return { ok: false, result: earlier.result };
  const compared = await withTermsOfNow(request, price);
  if ("response" in compared) return { ok: false, result: compared };
  const { request: current, code } = compared;
  if (!code) return { ok: true, request: current };
  const refused =
    earlier.kind === "delivered" ? refuseRequest({ code: "nonce_replayed" }) : await paidEarlier(current, claim?.reservationId);
  return { ok: false, result: refused ?? refuseRequest({ code, challenge: current.challenge, offerAgain: true }) };
}

/** The same for a voucher, whose money is set aside already: `request` itself gets the terms of now. @returns why it does not fit them */
export async function compareTerms(request: PaidRequest, price: PriceOfNow): Promise<SubstituteResponse | undefined> {
  const compared = await withTermsOfNow(request, price);
  if ("response" in compared) return compared;
  Object.assign(request, compared.request);
  return compared.code && refuseRequest({ code: compared.code, challenge: request.challenge, offerAgain: true });
}

/** `code`: the payment does not fit the terms of now, and none that the merchant signed. */
async function withTermsOfNow(
  request: PaidRequest,
  price: PriceOfNow,
): Promise<{ request: PaidRequest; code?: ErrorCode | undefined } | SubstituteResponse> {
  const now = await price.terms();
  if ("code" in now) return refuseRequest(now);
  const current: PaidRequest = { ...request, ...now, price: undefined };
  const { code, offer, index } = matchOffer(request.presented.payment.accepted, now.challenge.offers);
  if (code) return { request: current, code: (await price.isHonoured()) ? undefined : code };
  Object.assign(current.presented, { offer, offerIndex: index });
  return { request: current };
}

/** After these the buyer must not sign a new payment on the new terms: this one has moved money, or may have. */
const STAYS: ReadonlySet<ErrorCode> = new Set([
  "nonce_replayed",
  "payment_in_progress",
  "facilitator_unavailable",
  "overloaded",
  "rate_limited",
  "internal_error",
]);

/**
 * Asks the ledger whether this payment was used: the merchant remembers no payment that it delivered. To hold the money is the only
 * question that tells, so an unused payment is released at once. Without holds the merchant's memory has told already.
 */
async function paidEarlier(request: PaidRequest, reservationId: Digest = randomDigest()): Promise<ServeResult | undefined> {
  const { facilitator, presented } = request;
  if (!facilitator.supportsHolds) return undefined;
  const reserved = await withTimeout(facilitator.reserve(presented, reservationId));
  if (!reserved) return refuseRequest({ code: "facilitator_unavailable" });
  if (!reserved.ok) return STAYS.has(reserved.code) ? passOnRefusal(request, reserved) : undefined;
  await withTimeout(facilitator.release(presented, reserved.reservation));
  return undefined;
}

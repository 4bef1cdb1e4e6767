/** How serving a payment ends: the handler's answer goes out with a receipt, or the merchant remembers what is still open. */

import { ConfigurationError } from "../../../../shared/configuration-error.ts";
import { type Digest, randomDigest } from "../../../../shared/crypto/digest.ts";
import { UNDELIVERED_SECONDS } from "../../../../shared/limits.ts";
import { settleFailure } from "../../../../shared/settlement/facilitator.ts";
import { unixNow } from "../../../../shared/time.ts";
import { encodeHeader, PAYMENT_RESPONSE } from "../../../../shared/x402/headers.ts";
import type { SettleResponse } from "../../../../shared/x402/x402.ts";
import { writableHeaders } from "../caching.ts";
import { foreignWord } from "../facilitator/foreign-word.ts";
import { withTimeout } from "../facilitator/within-timeout.ts";
import { keepAlive } from "../keep-alive.ts";
import { chargedBy, deliveryKey } from "../presented-payment.ts";
import { refuseRequest, withholdResponse } from "../responses.ts";
import { signReceipt } from "../terms/signed-terms.ts";
import type { DeliveredHold, DeliveryState, IdempotencyClaim, PaidRequest, ServeResult } from "../types.ts";
import { allowsRanges } from "./range.ts";

/** @param lease the merchant's lease on the payment, if it took one: it ends as delivered */
export async function deliver(
  request: PaidRequest,
  settled: SettleResponse,
  lease: Digest | undefined,
  claim?: IdempotencyClaim,
): Promise<ServeResult> {
  const { c } = request;
  const charged = chargedBy(request.presented, settled);
  c.get("payment").charged = charged;
  if (c.error) {
    // Middleware in front has answered meanwhile, such as one with a timeout. The buyer is owed the goods.
    await finishLease(request, lease ?? randomDigest(), { state: "paid", receipt: settled });
    return { ...refuseRequest({ code: "handler_timeout", receipt: settled }), owed: true };
  }
  const receipt = await signReceipt(request, settled);
  const withheld = lease && request.refund ? await conclude(request, settled, lease) : undefined;
  if (withheld) return withheld;
  const headers = writableHeaders(c); // c.header would copy the response
  headers.set(PAYMENT_RESPONSE, encodeHeader(receipt));
  if (request.redeliverSeconds > 0 && allowsRanges(c.res)) headers.set("Accept-Ranges", "bytes");
  if (claim) keepAlive(c, claim.markPaid(receipt));
  // Needed beside a ledger too: an older run of this payment that ends later must not record the debt again.
  if (lease && !request.refund) keepAlive(c, finishLease(request, lease, { state: "delivered" }));
  return { answered: true, delivered: true, charged };
}

/**
 * Where undelivered payments go back, the delivery is on disk before the goods leave: their money never goes back after that.
 * @returns undefined if the goods may leave
 */
export async function conclude(request: PaidRequest, receipt: SettleResponse, lease: Digest): Promise<ServeResult | undefined> {
  const store = request.deliveries();
  if (!store.deliver) throw new ConfigurationError("the option refund needs a memory with deliver");
  const state = { state: "delivered" } as const;
  const concluded = await withTimeout(store.deliver(deliveryKey(request.presented), lease, forgetTime(request, state)));
  if (concluded === "delivered") return undefined;
  if (concluded === "refund") return withholdResponse(request, { code: "payment_refunded" });
  if (concluded === "taken") return withholdResponse(request, { code: "payment_in_progress", receipt });
  // Whether it is on disk is not known. The goods stay, and are owed.
  await finishLease(request, lease, { state: "paid", receipt });
  return { ...withholdResponse(request, { code: "facilitator_unavailable", receipt }), owed: true };
}

/** Ends the lease on a payment and records its state. Without a state the payment is forgotten. */
export async function finishLease(request: PaidRequest, lease: Digest, remembered: DeliveryState | undefined): Promise<void> {
  const { deliveries, presented } = request;
  const state = remembered && withRefund(request, remembered);
  await withTimeout(deliveries().finish(deliveryKey(presented), lease, state, forgetTime(request, remembered)));
}

/** The same with what it takes to give the money back, on a route that does. */
export function withRefund({ refund }: PaidRequest, state: DeliveryState): DeliveryState {
  return refund && (state.state === "paid" || state.state === "pending") ? { ...state, refund: refund.terms } : state;
}

/** In unix seconds. What is owed then goes back, or is forgotten. */
export function forgetTime({ presented, refund }: PaidRequest, remembered: DeliveryState | undefined): number {
  const { validBefore, retention } = presented.facts ?? { validBefore: 0, retention: 0 };
  if (remembered?.state === "delivered") return validBefore + retention;
  const end = validBefore + UNDELIVERED_SECONDS;
  // A payment that may still settle is not given up.
  return remembered?.state === "paid" && refund?.seconds !== undefined ? Math.min(end, unixNow() + refund.seconds) : end;
}

/** Records the reservation whose capture has an unknown outcome. */
export function leavePending(request: PaidRequest, reservation: DeliveredHold): Promise<void> {
  return finishLease(request, reservation.reservationId, { state: "pending", reservation });
}

/**
 * Names transaction and network, which do not depend on the outcome, so that the buyer can look it up.
 * @param answer of the facilitator, if it gave one; a transaction that it names goes along in `extra`
 */
export function pendingReceipt({ presented: { facts, offer } }: PaidRequest, answer?: SettleResponse): SettleResponse {
  const theirs = foreignWord(answer?.transaction);
  return {
    ...settleFailure("settlement_pending", facts?.payer),
    transaction: facts?.transaction ?? "",
    network: offer.network,
    ...(theirs && { extra: { facilitatorTransaction: theirs } }),
  };
}

/** How serving a payment ends: the handler's answer goes out with a receipt, or the merchant remembers what is still open. */

import { type Digest, randomDigest } from "../../../../shared/crypto/digest.ts";
import { RETENTION_SECONDS, UNDELIVERED_SECONDS } from "../../../../shared/limits.ts";
import { settleFailure } from "../../../../shared/settlement/facilitator.ts";
import { encodeHeader, PAYMENT_RESPONSE } from "../../../../shared/x402/headers.ts";
import type { SettleResponse } from "../../../../shared/x402/x402.ts";
import { writableHeaders } from "../caching.ts";
import { foreignWord } from "../facilitator/foreign-word.ts";
import { withTimeout } from "../facilitator/within-timeout.ts";
import { keepAlive } from "../keep-alive.ts";
import { chargedBy, deliveryKey, transactionFor } from "../presented-payment.ts";
import { refuseRequest } from "../responses.ts";
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
  const headers = writableHeaders(c); // c.header would copy the response
  headers.set(PAYMENT_RESPONSE, encodeHeader(receipt));
  if (request.redeliverSeconds > 0 && allowsRanges(c.res)) headers.set("Accept-Ranges", "bytes");
  if (claim) keepAlive(c, claim.markPaid(receipt));
  // Needed beside a ledger too: an older run of this payment that ends later must not record the debt again.
  if (lease) keepAlive(c, finishLease(request, lease, { state: "delivered" }));
  return { answered: true, delivered: true, charged };
}

/** Ends the lease on a payment and records its state. Without a state the payment is forgotten. */
export async function finishLease(
  { deliveries, presented }: PaidRequest,
  lease: Digest,
  remembered: DeliveryState | undefined,
): Promise<void> {
  const validBefore = Number(presented.exact?.authorization.validBefore ?? 0);
  const forgetAfter = validBefore + (remembered?.state === "delivered" ? RETENTION_SECONDS : UNDELIVERED_SECONDS);
  await withTimeout(deliveries().finish(deliveryKey(presented), lease, remembered, forgetAfter));
}

/** Records the reservation whose capture has an unknown outcome. */
export function leavePending(request: PaidRequest, reservation: DeliveredHold): Promise<void> {
  return finishLease(request, reservation.reservationId, { state: "pending", reservation });
}

/**
 * Names transaction and network, which do not depend on the outcome, so that the buyer can look it up.
 * @param answer of the facilitator, if it gave one; a transaction that it names goes along in `extra`
 */
export function pendingReceipt({ presented: { exact } }: PaidRequest, answer?: SettleResponse): SettleResponse {
  const theirs = foreignWord(answer?.transaction);
  return {
    ...settleFailure("settlement_pending", exact?.authorization.from),
    transaction: exact ? transactionFor(exact) : "",
    ...(theirs && { extra: { facilitatorTransaction: theirs } }),
  };
}

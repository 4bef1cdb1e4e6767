/** A payment whose money has moved: runs the handler for it, or takes up what an earlier request left pending or owed. */

import { type Digest, randomDigest } from "../../../../shared/crypto/digest.ts";
import type { ErrorCode } from "../../../../shared/errors.ts";
import { HOLD_MARGIN_SECONDS, HOLD_SECONDS } from "../../../../shared/limits.ts";
import { logEvent } from "../../../../shared/log.ts";
import { encodeHeader, PAYMENT_RESPONSE } from "../../../../shared/x402/headers.ts";
import type { SettleResponse } from "../../../../shared/x402/x402.ts";
import { capture, withTimeout } from "../facilitator/within-timeout.ts";
import { keepAlive } from "../keep-alive.ts";
import { logPayment } from "../log.ts";
import { chargedBy, deliveryKey } from "../presented-payment.ts";
import { recordSale } from "../record-sale.ts";
import { passOnRefusal, refuseRequest, refuseUnsettled, settlementCode } from "../responses.ts";
import type { IdempotencyClaim, PaidRequest, ServeResult } from "../types.ts";
import { deliver, finishLease, pendingReceipt, withRefund } from "./deliver.ts";
import { runHandler } from "./run-handler.ts";

/**
 * The facilitator refused the payment as used or expired. It may have been paid earlier, and its buyer may still be owed an answer.
 * @returns undefined if nothing is owed, so that the refusal stands
 */
export async function resume(request: PaidRequest, code: ErrorCode, claim?: IdempotencyClaim): Promise<ServeResult | undefined> {
  if (code !== "nonce_replayed" && code !== "payment_expired") return undefined;
  const earlier = await takeUp(request, claim);
  if (earlier.kind === "served") return earlier.result;
  // A ledger says itself that the nonce was used. Without holds only this memory said so, and the capture has now proved it wrong.
  if (earlier.kind !== "refused" || request.facilitator.supportsHolds) return undefined;
  return passOnRefusal(request, { ok: false, code: settlementCode(earlier.receipt) }, earlier.receipt);
}

/** What the merchant's memory led to. */
type Earlier =
  /** Also of a payment whose money goes back: its refusal says so. */
  | { kind: "served"; result: ServeResult }
  /** It knows nothing that is still open. */
  | { kind: "nothing" | "delivered" }
  /** A capture was open, and has now been refused finally: nothing was paid. */
  | { kind: "refused"; receipt: SettleResponse };

/** Takes up a payment that an earlier request left pending or owed. Its signature was verified. */
export async function takeUp(request: PaidRequest, claim?: IdempotencyClaim): Promise<Earlier> {
  const served = (result: ServeResult): Earlier => ({ kind: "served", result });
  const lease = randomDigest();
  const begun = await withTimeout(request.deliveries().resume(deliveryKey(request.presented), lease, HOLD_SECONDS));
  if (!begun) return served(refuseRequest({ code: "facilitator_unavailable" }));
  if (!begun.granted) return served(refuseRequest({ code: "payment_in_progress" }));

  const { remembered } = begun;
  if (remembered?.state === "paid") return served(await runPaid(request, remembered.receipt, lease, true, claim));
  if (remembered?.state === "refund") return served(refuseRequest({ code: "payment_refunded" }));
  if (remembered?.state !== "pending") return { kind: remembered ? "delivered" : "nothing" };
  const outcome = await capture(request, remembered.reservation, true);
  if (outcome.kind === "settled") return served(await runPaid(request, outcome.receipt, lease, true, claim));
  await finishLease(request, lease, outcome.kind === "unknown" ? remembered : undefined);
  if (outcome.kind === "unknown") return served(refuseUnsettled(request, pendingReceipt(request, outcome.receipt)));
  return { kind: "refused", receipt: outcome.receipt };
}

/**
 * If the handler fails, the answer is recorded as owed: the same payment may ask for it again.
 * @param lease the lease under which the debt is recorded
 * @param isOpen whether the merchant's memory has already granted that lease, so that it must be ended
 * @param claim the buyer's payment identifier, if it sent one
 */
export async function runPaid(
  request: PaidRequest,
  receipt: SettleResponse,
  lease: Digest,
  isOpen: boolean,
  claim?: IdempotencyClaim,
): Promise<ServeResult> {
  const { c, presented } = request;
  const debt = withRefund(request, { state: "paid", receipt });
  const recordDebt = () => finishLease(request, lease, debt);
  const refuseOwed = (code: ErrorCode) => ({ ...refuseRequest({ code, receipt }), owed: true as const });
  const leaseFor = (seconds: number) => withTimeout(request.deliveries().begin(deliveryKey(presented), lease, seconds, debt));
  if (request.refund) {
    // The debt is on disk before the handler runs: whatever dies, the goods go out or the money goes back.
    const owing = await leaseFor(HOLD_SECONDS);
    if (owing?.granted === false) return refuseRequest({ code: "payment_in_progress" });
    if (owing?.remembered?.state === "refund") return refuseRequest({ code: "payment_refunded" });
    // Under an identifier this may be a settlement of before, of which the memory would know.
    if (!owing && claim) return refuseOwed("facilitator_unavailable");
    isOpen = true;
  }
  let begun: Promise<unknown> | undefined;
  const charged = chargedBy(presented, receipt);
  const run = await runHandler(request, { id: receipt.transaction, payer: receipt.payer ?? "", charged }, () => {
    // The handler takes a while: lease the payment, so that copies wait, and record the debt in case this Worker dies. A claim without
    // another open lease does both already.
    if (isOpen || !claim) begun = leaseFor(HOLD_SECONDS);
  });
  await begun;
  if (run.outcome === "delivered") {
    try {
      if ((await claim?.storeAnswer()) === false) return refuseRequest({ code: "payment_in_progress" });
    } catch (error) {
      await recordDebt();
      logEvent("payment.answer_broke_off", { traceId: presented.traceId, message: String(error) });
      return refuseOwed("internal_error");
    }
    return deliver(request, receipt, isOpen || begun ? lease : undefined, claim);
  }
  if (run.outcome === "late") {
    // The handler may never end, or outlive this Worker. Record the debt now, and let copies wait until the lease would have ended.
    await leaseFor(HOLD_MARGIN_SECONDS);
    keepAlive(c, run.over.then(recordDebt));
    return refuseOwed("handler_timeout");
  }
  await recordDebt();
  if (run.outcome === "threw") {
    // No other place sees it.
    logPayment(c, refuseOwed("internal_error"), presented);
    recordSale(c, refuseOwed("internal_error"), presented);
    request.onOwed?.();
    throw run.error;
  }
  if (run.outcome === "spent") return refuseOwed("internal_error");
  c.header(PAYMENT_RESPONSE, encodeHeader(receipt));
  return { answered: true, delivered: false, owed: true };
}

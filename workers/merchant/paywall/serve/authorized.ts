/** Flow `authorization`: hold the payer's money, run the handler, capture, answer. */

import { randomDigest } from "../../../../shared/crypto/digest.ts";
import { UPTO } from "../../../../shared/lez.ts";
import type { Reservation } from "../../../../shared/settlement/commands.ts";
import { capture, withTimeout } from "../facilitator/within-timeout.ts";
import { discardResponse, passOnRefusal, refuseRequest } from "../responses.ts";
import type { DeliveredHold, IdempotencyClaim, PaidRequest, ServeResult } from "../types.ts";
import { meterFor } from "./charge.ts";
import { deliver, leavePending, pendingReceipt } from "./deliver.ts";
import { resume } from "./paid.ts";
import { type Delivered, runMetered } from "./run-metered.ts";

/** @param claim the buyer's payment identifier, if it sent one: a copy of the answer is stored under it before the money moves */
export async function serveAuthorized(request: PaidRequest, claim?: IdempotencyClaim): Promise<ServeResult> {
  const { facilitator, presented } = request;
  const reserved = await withTimeout(facilitator.reserve(presented, claim?.reservationId ?? randomDigest()));
  // If the hold was made and only its answer lost, it lapses by itself and the buyer may present the payment again.
  if (!reserved) return refuseRequest({ code: "facilitator_unavailable" });
  if (!reserved.ok) return (await resume(request, reserved.code, claim)) ?? passOnRefusal(request, reserved);

  const { reservation, transaction } = reserved;
  const run = await runUnderHold(request, reservation, transaction);
  if ("answered" in run) return run;
  const hold: DeliveredHold = { ...reservation, ...run };
  const failed = claim && (await storeCopy(request, hold, claim));
  if (failed) return failed;
  const outcome = await capture(request, hold);
  if (outcome.kind === "settled") {
    // A run of before may have left this payment pending: on a route with refunds its money would go back.
    const needsLease = !facilitator.supportsHolds || request.refund !== undefined;
    return deliver(request, outcome.receipt, needsLease ? reservation.reservationId : undefined, claim);
  }
  if (outcome.kind === "refused") {
    await withTimeout(facilitator.release(presented, reservation)); // the refusal is final, so the hold need not lapse
    return discardResponse(request, outcome.receipt);
  }
  // The stored copy already records that the capture is pending. A second record would run the handler a second time.
  if (!claim) await leavePending(request, hold);
  return discardResponse(request, pendingReceipt(request, outcome.receipt));
}

function runUnderHold(request: PaidRequest, reservation: Reservation, transaction: string): Promise<Delivered | ServeResult> {
  const { facilitator, presented } = request;
  const meter = presented.offer.scheme === UPTO ? meterFor(presented.offer) : undefined;
  const release = () => withTimeout(facilitator.release(presented, reservation));
  return runMetered(request, { id: transaction, payer: reservation.payer }, { meter, release });
}

/** undefined: a copy of the answer is on disk. Without one nothing is captured, since the answer could not be sent again. */
async function storeCopy(
  request: PaidRequest,
  { charged, ...reservation }: DeliveredHold,
  claim: IdempotencyClaim,
): Promise<ServeResult | undefined> {
  const stored = await claim.storeAnswer(charged).catch(() => undefined);
  if (stored) return undefined;
  // Another run has the claim now and serves the payment under this very hold.
  if (stored === false) return refuseRequest({ code: "payment_in_progress" });
  await withTimeout(request.facilitator.release(request.presented, reservation));
  return refuseRequest({ code: "internal_error" });
}

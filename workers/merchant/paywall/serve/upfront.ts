/** Flow `upfront`: settle, run the handler, answer. What the handler fails to deliver stays owed. */

import { randomDigest } from "../../../../shared/crypto/digest.ts";
import { outcomeOf, withTimeout } from "../facilitator/within-timeout.ts";
import { verifyPresented } from "../presented-payment.ts";
import { passOnRefusal, refuseRequest, refuseUnsettled, settlementCode } from "../responses.ts";
import type { IdempotencyClaim, PaidRequest, ServeResult } from "../types.ts";
import { leavePending, pendingReceipt } from "./deliver.ts";
import { resume, runPaid } from "./paid.ts";

/** @param claim the buyer's payment identifier, if it sent one: a copy of the answer is stored under it before the answer goes out */
export async function serveUpfront(request: PaidRequest, claim?: IdempotencyClaim): Promise<ServeResult> {
  const { facilitator, presented } = request;
  const settlementId = claim?.reservationId ?? randomDigest();
  const outcome = outcomeOf(await withTimeout(facilitator.settle(presented, settlementId)));
  if (outcome.kind === "settled") {
    request.onMoved?.(request, outcome.receipt);
    return runPaid(request, outcome.receipt, settlementId, !facilitator.supportsHolds, claim);
  }
  if (outcome.kind === "refused") {
    const code = settlementCode(outcome.receipt);
    return (await resume(request, code, claim)) ?? passOnRefusal(request, { ok: false, code }, outcome.receipt);
  }
  // Whether the money moved is unknown; capturing this id will tell. Verify the signature first, because only payers may write to the
  // memory, and the facilitator may not have got as far.
  const verified = await verifyPresented(presented);
  if (!verified.ok) return refuseRequest({ code: "facilitator_unavailable" });
  const { payer, nonce } = verified.payment;
  await leavePending(request, { payer, nonce, reservationId: settlementId });
  return refuseUnsettled(request, pendingReceipt(request, outcome.receipt));
}

/** Flow `upfront`: settle, run the handler, answer. What the handler fails to deliver stays owed. */

import { randomDigest } from "../../../../shared/crypto/digest.ts";
import { withTimeout } from "../facilitator/within-timeout.ts";
import { verifyPresented } from "../presented-payment.ts";
import { passOnRefusal, refuseRequest, refuseUnsettled, settlementCode } from "../responses.ts";
import type { IdempotencyClaim, PaidRequest, ServeResult } from "../types.ts";
import { leavePending } from "./deliver.ts";
import { resume, runPaid } from "./paid.ts";

/** @param claim the buyer's payment identifier, if it sent one: a copy of the answer is stored under it before the answer goes out */
export async function serveUpfront(request: PaidRequest, claim?: IdempotencyClaim): Promise<ServeResult> {
  const { facilitator, presented } = request;
  const settlementId = claim?.reservationId ?? randomDigest();
  const receipt = await withTimeout(facilitator.settle(presented, settlementId));
  if (receipt?.success) return runPaid(request, receipt, settlementId, !facilitator.supportsHolds, claim);
  if (receipt && receipt.errorReason !== "settlement_pending") {
    const code = settlementCode(receipt);
    return (await resume(request, code, claim)) ?? passOnRefusal(request, { ok: false, code }, receipt);
  }
  // Whether the money moved is unknown; capturing this id will tell. Verify the signature first, because only payers may write to the
  // memory, and the facilitator may not have got as far.
  const verified = await verifyPresented(presented);
  if (!verified.ok) return refuseRequest({ code: "facilitator_unavailable" });
  const { payer, nonce } = verified.payment;
  return refuseUnsettled(request, await leavePending(request, { payer, nonce, reservationId: settlementId }));
}

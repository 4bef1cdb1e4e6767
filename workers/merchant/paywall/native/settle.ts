/**
 * Settles a payment on the chain itself. A block takes a minute, so the first answers are `settlement_pending`, and the buyer presents the same
 * payment again. The state table is in spec/protocol.md §9; the rules of its cells are `Leases`.
 *
 * The merchant cannot check a signature. Nothing is written down, and nothing remembered is used, before the facilitator has verified the
 * payment in answer to this request.
 */

import { randomDigest } from "../../../../shared/crypto/digest.ts";
import { type ErrorCode, ERRORS } from "../../../../shared/errors.ts";
import { bindingOf } from "../../../../shared/protocol/binding.ts";
import type { SettleResponse } from "../../../../shared/x402/x402.ts";
import { type Outcome, outcomeOf, withTimeout } from "../facilitator/within-timeout.ts";
import { passOnRefusal, refuseRequest, refuseUnsettled, settlementCode } from "../responses.ts";
import { leavePending, pendingReceipt } from "../serve/deliver.ts";
import { compareTerms } from "../serve/price-check.ts";
import type { PaidRequest, PaymentFacts, SubstituteResponse } from "../types.ts";
import { type ReadPayload, readNativePayload } from "./facts.ts";
import { movedFacilitator } from "./moved.ts";
import { settleOverHttp } from "./over-http.ts";
import { recallState } from "./recall-state.ts";

/** @returns the request with a facilitator that has its receipt, or why there is none yet */
export async function settleNative(request: PaidRequest): Promise<PaidRequest | SubstituteResponse> {
  const { presented, facilitator, challenge, price } = request;
  const read = readNativePayload(presented.payment);
  const { facts } = presented;
  const problem =
    read && facts ? misfit(read, request) : { code: "invalid_payload" as const, detail: "payload.signedTx: no native transfer" };
  if (problem || !read || !facts) return refuseRequest({ ...(problem ?? { code: "invalid_payload" }), challenge, offerAgain: true });

  // What was accepted once is not compared with the price of now: the money may have moved.
  if (price && !(await recallState(request, facts))) {
    const refused = await compareTerms(request, price);
    if (refused) return refused;
  }
  const outcome = facilitator.address
    ? await settleOverHttp(facilitator.address, request, read)
    : outcomeOf(await withTimeout(facilitator.settle(presented, facts.key)));
  return answerTo(outcome, request, facts);
}

async function answerTo(outcome: Outcome, request: PaidRequest, facts: PaymentFacts): Promise<PaidRequest | SubstituteResponse> {
  const { receipt } = outcome;
  if (outcome.kind === "settled") return moved(request, facts, outcome.receipt);
  if (outcome.kind === "refused") {
    // Another settlement has the receipt. It may have been this merchant's, under another facilitator, and the goods may be owed.
    const earlier = outcome.receipt.errorReason === "nonce_replayed" ? await recallState(request, facts) : undefined;
    if (earlier?.state === "paid") return moved(request, facts, earlier.receipt);
    return earlier?.state === "served" ? refuseRequest({ code: "payment_in_progress" }) : refuse(request, outcome.receipt);
  }
  // No answer, or none that says that the payment was verified: it can be asked for again, and a stranger leaves nothing behind.
  if (!receipt?.transaction) return { ...refuseUnsettled(request, pendingReceipt(request)), isClaim: true };
  request.presented.isProved = true;
  await leavePending(request, { payer: facts.payer, nonce: facts.nonce, reservationId: randomDigest() });
  return refuseUnsettled(request, receipt);
}

function moved(request: PaidRequest, facts: PaymentFacts, receipt: SettleResponse): PaidRequest {
  request.presented.isProved = true;
  return { ...request, price: undefined, facilitator: movedFacilitator(request, facts, receipt) };
}

async function refuse(request: PaidRequest, receipt: SettleResponse): Promise<SubstituteResponse> {
  const code = settlementCode(receipt);
  // The terms would have the buyer sign anew.
  if (ERRORS[code].safeToRetrySamePayment) return refuseRequest({ code, receipt });
  const now = request.price ? await request.price.terms() : request;
  return "code" in now ? refuseRequest(now) : passOnRefusal({ ...request, ...now }, { ok: false, code }, receipt);
}

/** Why the payment is not one for this offer, as far as its bytes show. The facilitator looks again, and at the rest. */
function misfit({ transfer, statement }: ReadPayload, { presented }: PaidRequest): { code: ErrorCode; detail?: string } | undefined {
  const { amount, payTo, network, extra } = presented.offer;
  if (String(transfer.value) !== amount) return { code: "amount_mismatch" };
  if (transfer.payee !== payTo) return { code: "recipient_mismatch" };
  if (!statement)
    return extra?.["statement"] === "required" ? { code: "binding_mismatch", detail: "the offer requires a statement" } : undefined;
  if (statement.network !== network || statement.ledger !== extra?.["ledger"]) return { code: "ledger_mismatch" };
  return statement.binding === extra?.["binding"] && statement.messageHash === transfer.h ? undefined : { code: "binding_mismatch" };
}

/**
 * A payment that fits no offer of now, and was accepted here for this very request: its terms have changed while the chain took it. The memory
 * has H only of payments that the facilitator verified, and H commits to payee and amount.
 */
export async function recallNative(request: PaidRequest): Promise<boolean> {
  const { presented, challenge } = request;
  const { accepted } = presented.payment;
  const read = readNativePayload(presented.payment);
  const { facts } = presented;
  if (!read || !facts || accepted.extra?.["binding"] !== bindingOf(challenge.request, accepted)) return false;
  if (!(await recallState(request, facts))) return false;
  Object.assign(presented, { offer: accepted });
  return true;
}

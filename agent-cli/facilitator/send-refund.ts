/** Sends a refund to its ledger's facilitator, and says for certain what became of it, or that it is not known. */

import * as z from "zod";
import { type ErrorCode, isErrorCode } from "../../shared/errors.ts";
import { refundTransaction, type SignedRefund } from "../../shared/protocol/refund.ts";
import type { Context } from "../runtime/context.ts";
import { fail, type Failure } from "../runtime/outcome.ts";
import { callFacilitator, type FacilitatorInput } from "./client.ts";

const answerSchema = z.looseObject({
  transaction: z.string(),
  refundOf: z.string(),
  from: z.string(),
  to: z.string(),
  amount: z.string(),
});

export type RefundOutcome =
  | { kind: "refunded" }
  /** It was not made, and never will be. */
  | { kind: "refused"; code: ErrorCode; failure: Failure }
  /** It was not made now. The same refund can be made later. */
  | { kind: "open"; failure: Failure }
  /** It may have been made. */
  | { kind: "unknown"; failure: Failure };

/** Codes that the same refund gets whenever it arrives. An answer to a refund that was made comes before each of them. */
const FINAL: ReadonlySet<ErrorCode> = new Set([
  "invalid_payload",
  "invalid_signature",
  "invalid_network",
  "asset_mismatch",
  "refund_unknown",
  "refund_exceeded",
  "refund_expired",
  "refund_conflict",
]);
/** Codes of a facilitator that has asked no ledger, or of a ledger that did nothing. */
const NOT_NOW: ReadonlySet<ErrorCode> = new Set(["insufficient_funds", "overloaded", "rate_limited", "ledger_mismatch", "not_found"]);

export async function sendRefund(context: Context, input: FacilitatorInput, signed: SignedRefund): Promise<RefundOutcome> {
  const answer = await callFacilitator(context, input, { path: "/refunds", body: signed, answer: answerSchema });
  if (!answer.ok) {
    const { code } = answer.error;
    if (isErrorCode(code) && FINAL.has(code)) return { kind: "refused", code, failure: answer };
    return { kind: isErrorCode(code) && NOT_NOW.has(code) ? "open" : "unknown", failure: answer };
  }
  const { refund } = signed;
  const { transaction, refundOf, from, to, amount } = answer.data;
  const fits =
    transaction === refundTransaction(refund) &&
    refundOf === refund.transaction &&
    from === refund.from &&
    to === refund.to &&
    amount === refund.amount;
  if (fits) return { kind: "refunded" };
  return { kind: "unknown", failure: fail("receipt_differs", "The facilitator's answer is about another refund.") };
}

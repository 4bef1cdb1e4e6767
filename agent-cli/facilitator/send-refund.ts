/** Sends a refund to its ledger's facilitator. The answer is believed if it is about this refund. */

import * as z from "zod";
import type { ErrorCode } from "../../shared/errors.ts";
import { refundTransaction, type SignedRefund } from "../../shared/protocol/refund.ts";
import type { Context } from "../runtime/context.ts";
import { fail } from "../runtime/outcome.ts";
import { callFacilitator, type FacilitatorInput } from "./client.ts";
import { type OrderOutcome, outcomeOf } from "./order-outcome.ts";

const answerSchema = z.looseObject({
  transaction: z.string(),
  refundOf: z.string(),
  from: z.string(),
  to: z.string(),
  amount: z.string(),
});

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

export async function sendRefund(context: Context, input: FacilitatorInput, signed: SignedRefund): Promise<OrderOutcome> {
  const answer = await callFacilitator(context, input, { path: "/refunds", body: signed, answer: answerSchema });
  if (!answer.ok) return outcomeOf(answer, FINAL);
  const { refund } = signed;
  const { transaction, refundOf, from, to, amount } = answer.data;
  const fits =
    transaction === refundTransaction(refund) &&
    refundOf === refund.transaction &&
    from === refund.from &&
    to === refund.to &&
    amount === refund.amount;
  if (fits) return { kind: "made" };
  return { kind: "unknown", failure: fail("receipt_differs", "The facilitator's answer is about another refund.") };
}

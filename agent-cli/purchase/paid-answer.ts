import type { Payment } from "../records/payment-journal.ts";
/** Gets the response of a payment that is known to be paid: presents the same payment again, which cannot pay a second time. */
import type { Context } from "../runtime/context.ts";
import type { HttpRequest } from "../runtime/exchange.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { failureOf, type PaymentOutcome, type PurchaseFailure, type PurchaseOutcome } from "./payment-outcome.ts";
import { type Destination, type Paid, present } from "./send-payment.ts";

/** @param payment with its id, under which the merchant may have kept the answer */
export async function fetchAnswer(
  context: Context,
  request: HttpRequest,
  payment: Payment,
  transaction: string,
  destination: Destination,
): Promise<PurchaseOutcome<Paid>> {
  const answer = await present(context, request, payment, destination);
  return answer.ok ? answer : stillPaid(answer, transaction);
}

/** The payment was made, whatever the merchant says about this copy: no failure may read as "pay again". */
function stillPaid(failure: PurchaseFailure, transaction: string): PurchaseFailure {
  const { error, next } = failure;
  const details = { ...error.details, paidBefore: true, transaction };
  switch (remaining(failure)) {
    case "gone":
      return failureOf({ kind: "paid_answer_gone", what: "This purchase", transaction, said: error.code });
    case "later": {
      const later = failureOf({ kind: "paid_answer_later", transaction, said: error.code });
      const seen = { ...details, ...later.error.details };
      return { ...later, error: { ...later.error, details: seen }, ...(next && { next }) };
    }
    default:
      return { ...failure, error: { ...error, details } };
  }
}

/** Whether the response may still be fetched. `gone`: never. `later`: perhaps next time. `as_said`: as the failure says. */
function remaining({ payment, exit }: PurchaseFailure): "gone" | "later" | "as_said" {
  // Stopped before the payment left: another process holds the lock, or another approval was presented before.
  if (payment === undefined) return exit === EXIT.busy || exit === EXIT.outcomeUnknown ? "later" : "as_said";
  return REMAINING[payment.kind];
}

const REMAINING: Record<PaymentOutcome["kind"], "gone" | "later" | "as_said"> = {
  // A merchant that asks for payment again does not know this one, and has no response for it.
  payment_required: "gone",
  paid_before: "gone",
  nonce_used: "gone",
  identifier_conflict: "gone",
  refused: "gone",
  paid_answer_gone: "gone",
  never_paid: "gone",
  unknown: "later",
  busy: "later",
  not_sent: "later",
  resource_failed: "later",
  redirected: "later",
  paid_no_answer: "later",
  paid_answer_later: "later",
  paid: "as_said",
  paid_not_kept: "as_said",
  receipt_differs: "as_said",
  receipt_missing: "as_said",
  interrupted: "as_said",
};

/** @param what the purchase, as the message names it */
export function paidWithoutAnswer(what: string, transaction: string): PurchaseFailure {
  return failureOf({ kind: "paid_answer_gone", what, transaction });
}

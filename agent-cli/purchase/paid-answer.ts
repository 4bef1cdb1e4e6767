/** Gets the response of a payment that is known to be paid: presents the same payment again, which cannot pay a second time. */

import type { Payment } from "../records/payment-journal.ts";
import type { Context } from "../runtime/context.ts";
import type { HttpRequest } from "../runtime/exchange.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import type { Destination, Paid } from "./paid-report.ts";
import { failureOf, type PurchaseFailure, type PurchaseOutcome, remaining } from "./payment-outcome.ts";
import { present } from "./send-payment.ts";

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
  switch (remainingAfter(failure)) {
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

function remainingAfter({ payment, exit }: PurchaseFailure): ReturnType<typeof remaining> {
  if (payment) return remaining(payment);
  // Stopped before the payment left: another process holds a lock, or another approval was presented before.
  return exit === EXIT.busy || exit === EXIT.outcomeUnknown ? "later" : "as_said";
}

/** @param what the purchase, as the message names it */
export function paidWithoutAnswer(what: string, transaction: string): PurchaseFailure {
  return failureOf({ kind: "paid_answer_gone", what, transaction });
}

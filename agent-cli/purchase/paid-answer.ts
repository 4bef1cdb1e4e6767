/** The answer of a payment that is known to be paid: asked for again with the same payment, which cannot pay a second time. */
import type { Context } from "../runtime/context.ts";
import { EXIT, type ExitCode } from "../runtime/exit-codes.ts";
import type { HttpRequest } from "../runtime/exchange.ts";
import { fail, type Failure, type Outcome, refuse } from "../runtime/outcome.ts";
import { type Destination, type Paid, present } from "./send-payment.ts";
import type { Payment } from "../records/payment-journal.ts";

/** @param payment with its id, under which the merchant may have kept the answer */
export async function fetchAnswer(
  context: Context,
  request: HttpRequest,
  payment: Payment,
  transaction: string,
  destination: Destination,
): Promise<Outcome<Paid>> {
  const answer = await present(context, request, payment, destination);
  return answer.ok ? answer : stillPaid(answer, transaction);
}

/** Outcomes after which the answer may be there the next time. */
const LATER: ReadonlySet<ExitCode> = new Set([EXIT.outcomeUnknown, EXIT.network, EXIT.busy, EXIT.httpErrorAfterPayment]);

/** Whatever the merchant says of this copy, the payment was made: nothing that was said may read as "pay again". */
function stillPaid(failure: Failure, transaction: string): Failure {
  const { exit, error, next } = failure;
  const details = { ...error.details, paidBefore: true, transaction };
  // Asked for payment again, it does not know of this one: there is no answer to be had.
  if (exit === EXIT.paymentRejected || error.code === "payment_required")
    return paidWithoutAnswer("This purchase", transaction, { said: error.code });
  if (!LATER.has(exit) || error.code === "answer_not_stored") return { ...failure, error: { ...error, details } };
  return fail("http_error", "It is paid, once; its answer could not be fetched now, and may be there later.", {
    hint: "Do not pay again. Run the next command: it asks for the same answer and pays nothing.",
    retryable: true,
    details: { ...details, said: error.code },
    ...(next && { next }),
  });
}

/** @param what the purchase, as it is called there */
export function paidWithoutAnswer(what: string, transaction: string, details: Record<string, unknown> = {}): Failure {
  return refuse("nonce_replayed", EXIT.paymentRejected, `${what} was paid, once, and its answer never arrived here.`, {
    hint: "Do not pay again. Ask the merchant for what was bought, with the transaction as proof.",
    details: { ...details, paidBefore: true, transaction },
  });
}

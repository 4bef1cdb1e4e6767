/** Advances one purchase to its end: waits for the owner, pays and shows the answer, or says why it cannot go on. */

import { ERRORS, isErrorCode } from "../../shared/errors.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { unixNow } from "../../shared/time.ts";
import type { FacilitatorInput } from "../facilitator/client.ts";
import { askSettlement } from "../facilitator/settlement-status.ts";
import { authorizationOf } from "../records/payment-journal.ts";
import { findRequest } from "../records/request-store.ts";
import { whileWaiting } from "../records/waiting.ts";
import type { Context } from "../runtime/context.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { fail, type Failure, type Next, refuse } from "../runtime/outcome.ts";
import { approvedRequest } from "./approved-request.ts";
import { concludeAsTold } from "./conclude.ts";
import { fetchAnswer, paidWithoutAnswer } from "./paid-answer.ts";
import { keptFor, partFor } from "./paid-exchange.ts";
import { type Destination, type Paid, report } from "./paid-report.ts";
import { carriesId, withId } from "./payment-identifier.ts";
import { neverPaid, type PurchaseFailure, type PurchaseOutcome } from "./payment-outcome.ts";
import { notApproved, paymentToPresent } from "./payment-to-present.ts";
import type { Purchase } from "./purchase.ts";
import { joinPresentation, present } from "./send-payment.ts";
import { timeoutArgv, waitForDecision } from "./wait-for-decision.ts";

export interface FlowInput extends FacilitatorInput, Destination {
  wait: boolean;
  timeout?: number | undefined;
  maxAmount?: string | undefined;
  dryRun: boolean;
}

export type Bought = Paid & { shortCode: string };

export async function goOn(context: Context, input: FlowInput, purchase: Purchase): Promise<PurchaseOutcome<Bought>> {
  const code = shortCode(purchase.digest);
  context.trace.adopt(purchase.record?.trace);
  const outcome = await step(context, input, purchase);
  if (outcome.ok) return outcome;
  // `fetch --resume` continues from every state. If the same payment would only get the same answer again, `next` asks the
  // ledger first.
  if (outcome.next?.argv[1] === "status") {
    return { ...outcome, next: { ...outcome.next, argv: [...outcome.next.argv, ...facilitatorWords(input)] } };
  }
  const stopped = [EXIT.approvalPending, EXIT.outcomeUnknown, EXIT.interrupted].some((exit) => exit === outcome.exit);
  const goesOn = stopped || outcome.error.retryable;
  return goesOn ? { ...outcome, next: { ...resumption(context, input, code), ...after(outcome.next) } } : outcome;
}

/** Nothing was paid, the owner refused nothing, and this request can pay nothing any more: a new one may take its place. */
export function isOver(outcome: PurchaseOutcome<unknown>): boolean {
  return !outcome.ok && outcome.payment?.kind === "never_paid";
}

async function step(context: Context, input: FlowInput, purchase: Purchase): Promise<PurchaseOutcome<Bought>> {
  // Before its state counts: a payment that is under way may have expired since, or be settled before its answer is whole.
  const joined = input.dryRun ? undefined : await joinPresentation(context, purchase.digest, input);
  if (joined) return named(joined, purchase);
  switch (purchase.state) {
    case "pending": {
      const refused = purchaseAboveMaxAmount(input, purchase);
      if (refused) return refused;
      const undecided = notApproved(purchase);
      if (!input.wait || input.dryRun) return undecided ?? impossibleState();
      const decided = await whileWaiting(context, purchase.digest, () => waitForDecision(context, purchase.digest, input.timeout));
      if (!decided.ok) return decided;
      return decided.data.state === "pending" ? (notApproved(decided.data) ?? impossibleState()) : step(context, input, decided.data);
    }
    case "approved":
      return purchaseAboveMaxAmount(input, purchase) ?? pay(context, input, purchase);
    case "sent":
      return stillUsable(purchase) ? pay(context, input, purchase) : askOutcome(context, input, purchase);
    case "paid":
      return showKept(context, input, purchase);
    case "declined":
    case "revoked":
      return notApproved(purchase) ?? impossibleState();
    case "cancelled":
    case "expired":
      return neverPaid(notApproved(purchase) ?? impossibleState());
    default:
      if (!stillUsable(purchase) || !curedByTime(purchase)) return refusedBefore(purchase);
      return purchaseAboveMaxAmount(input, purchase) ?? pay(context, input, purchase);
  }
}

/** An open request may cost more than this run's --max-amount. A payment that may have settled is followed to its end. */
function purchaseAboveMaxAmount({ maxAmount }: FlowInput, { digest, request }: Purchase): Failure | undefined {
  return aboveMaxAmount(request.payment.amount, maxAmount, `Request ${shortCode(digest)}`, "Nothing was paid.");
}

/** Refuses a price above the agent's own --max-amount. */
export function aboveMaxAmount(amount: string, max: string | undefined, what: string, left: string): Failure | undefined {
  if (max === undefined || BigInt(amount) <= BigInt(max)) return undefined;
  return fail("above_max_amount", `${what} costs ${amount} units, more than --max-amount ${max}. ${left}`, {
    hint: "Ask the person who set the maximum, or do without.",
    details: { amount, maxAmount: max },
  });
}

async function pay(context: Context, input: FlowInput, purchase: Purchase): Promise<PurchaseOutcome<Bought>> {
  const payment = await paymentToPresent(context, purchase);
  if (!payment.ok) return payment;
  const http = await approvedRequest(context, { header: [], allowHttp: input.allowHttp }, payment.data);
  if (!http.ok) return http;
  if (input.dryRun) return fail("not_approved", `Nothing was sent. It would present the payment of ${shortCode(purchase.digest)}.`);
  const paid = await present(context, http.data, withId(context, payment.data), input);
  return named(paid, purchase);
}

function stillUsable({ record }: Purchase): boolean {
  return record !== undefined && Number(authorizationOf(record.payload).validBefore) >= unixNow();
}

/** Sent, unanswered, and too late to present again: asks the facilitator, and believes what can be checked. */
async function askOutcome(context: Context, input: FlowInput, purchase: Purchase): Promise<PurchaseOutcome<Bought>> {
  const { digest, record } = purchase;
  if (!record) return impossibleState();
  const status = await askSettlement(context, input, authorizationOf(record.payload));
  const code = shortCode(digest);
  const hint = "Do not pay again. Ask again later, or look at the owner's account.";
  if (!status.ok && status.exit === EXIT.interrupted) return status;
  if (!status.ok)
    return fail("outcome_unknown", `It is unknown whether ${code} was paid: ${status.error.message}`, { hint, retryable: true });
  const { conclusion, transaction, said, doubt } = status.data;
  if (conclusion === "paid" && transaction !== undefined) {
    await concludeAsTold(context, authorizationOf(record.payload), { state: "settled", transaction });
    return answerOf(context, input, { ...purchase, record: { ...record, transaction } });
  }
  if (conclusion === "not_paid") {
    await concludeAsTold(context, authorizationOf(record.payload), { state: "refused", code: said });
    return neverPaid(fail("payment_expired", `The payment of ${code} expired unpaid. Nothing was paid and nothing will be.`));
  }
  return fail(
    "outcome_unknown",
    `It is unknown whether ${code} was paid: the facilitator says "${said}"${doubt ? `, but ${doubt}` : ""}.`,
    {
      hint,
      details: { ...status.data },
    },
  );
}

async function showKept(context: Context, input: FlowInput, purchase: Purchase): Promise<PurchaseOutcome<Bought>> {
  const { digest, record } = purchase;
  const payment = record && {
    payload: record.payload,
    authorization: authorizationOf(record.payload),
    paidAt: record.changedAt,
    trace: record.trace,
  };
  const kept = payment && keptFor(context, payment);
  const stored = findRequest(context, digest);
  if (!payment || kept?.outcome.kind !== "paid" || !stored.ok) return answerOf(context, input, purchase);
  const { method, url } = stored.data.request.http;
  const shown = await report(context, { method, url, headers: [] }, payment, kept.answer, kept.outcome, input, true);
  return named(shown, purchase);
}

/**
 * Paid, but the answer never arrived, or not whole. A merchant that keeps answers, or that was paid up front and then failed, gives
 * it for the same payment at no further cost; if the payment has no identifier, only until it expires. Of a part, a merchant may
 * give the rest.
 */
async function answerOf(context: Context, input: FlowInput, purchase: Purchase): Promise<PurchaseOutcome<Bought>> {
  const { digest, record } = purchase;
  const code = shortCode(digest);
  const transaction = record?.transaction ?? "";
  if (!record || input.dryRun) return paidWithoutAnswer(code, transaction);
  const payment = withId(context, { payload: record.payload, authorization: authorizationOf(record.payload) });
  const identified = carriesId(payment.payload);
  const part = partFor(context, payment);
  if (!identified && !stillUsable(purchase) && !part) return paidWithoutAnswer(code, transaction);
  const http = await approvedRequest(context, { header: [], allowHttp: input.allowHttp }, payment);
  if (!http.ok) return http;
  return named(await fetchAnswer(context, http.data, payment, transaction, input), purchase);
}

/** The same outcome with the request's short code in its data. */
function named(paid: PurchaseOutcome<Paid>, { digest }: Purchase): PurchaseOutcome<Bought> {
  return paid.ok ? { ...paid, data: { ...paid.data, shortCode: shortCode(digest) } } : paid;
}

/** Refused for certain: this payment bought nothing. Buying takes a new one. */
function refusedBefore({ digest, record }: Purchase): PurchaseFailure {
  const code = record?.code ?? "payment_rejected";
  return neverPaid(refuse(code, EXIT.paymentRejected, `The payment of ${shortCode(digest)} was refused (${code}). It paid nothing.`));
}

/** Refusals that may have passed, as `insufficient_funds` does once the account is filled: the same payment may succeed now. */
function curedByTime({ record }: Purchase): boolean {
  return isErrorCode(record?.code) && ERRORS[record.code].safeToRetrySamePayment;
}

function impossibleState(): Failure {
  return fail("internal", "This purchase is in an impossible state.");
}

/** Repeats this run's flags: maximum, timeout, output file, facilitator. */
function resumption(context: Context, input: FlowInput, code: string): Next {
  const { maxAmount, timeout, out, maxBody, include } = input;
  const said = [
    ...(maxAmount === undefined ? [] : ["--max-amount", maxAmount]),
    ...timeoutArgv(context, timeout),
    ...(out === undefined ? [] : ["--out", out]),
    ...(maxBody === undefined ? [] : ["--max-body", maxBody]),
    ...(include ? ["--include"] : []),
    ...facilitatorWords(input),
  ];
  return {
    argv: ["lez-agent-pay", "fetch", "--resume", code, "--wait", ...said],
    by: "agent",
    why: "go on with this purchase; it is paid at most once",
  };
}

function facilitatorWords({ facilitatorUrl, allowHttp }: FacilitatorInput): string[] {
  return [...(facilitatorUrl === undefined ? [] : ["--facilitator-url", facilitatorUrl]), ...(allowHttp ? ["--allow-http"] : [])];
}

function after(next: Next | undefined): { afterSeconds?: number } {
  return next?.afterSeconds === undefined ? {} : { afterSeconds: next.afterSeconds };
}

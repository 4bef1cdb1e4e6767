/** Advances one purchase to its end: waits for the owner, pays and shows the answer, or says why it cannot go on. */

import { ERRORS, isErrorCode } from "../../shared/errors.ts";
import { UPTO } from "../../shared/lez.ts";
import { UNDELIVERED_SECONDS } from "../../shared/limits.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { unixNow } from "../../shared/time.ts";
import type { PaymentRequirements } from "../../shared/x402/x402.ts";
import type { FacilitatorInput } from "../facilitator/client.ts";
import { askUsage } from "../facilitator/mandate-status.ts";
import { askSettlement } from "../facilitator/settlement-status.ts";
import { look } from "../records/inbox.ts";
import type { KeptMandate } from "../records/mandates.ts";
import { authorizationOf, findPayment } from "../records/payment-journal.ts";
import { findRequest } from "../records/request-store.ts";
import { sessionOfRequest } from "../records/sessions.ts";
import { whileWaiting } from "../records/waiting.ts";
import { type Context, warn } from "../runtime/context.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { fail, type Failure, type Next, type Outcome, refuse, succeed, type Success } from "../runtime/outcome.ts";
import { approvedRequest } from "./approved-request.ts";
import { askAtDesk } from "./ask-desk.ts";
import { concludeAsTold } from "./conclude.ts";
import { askAfterAll, openAgent } from "./create-request.ts";
import type { Bought, FlowInput, Underway } from "./flow.ts";
import { callAgain, openAgain, openSession, sessionToOpen } from "./open-session.ts";
import { fetchAnswer, paidWithoutAnswer } from "./paid-answer.ts";
import { keptFor, partFor } from "./paid-exchange.ts";
import { type Paid, report } from "./paid-report.ts";
import { type PairedDesk, pairedDesk } from "./paired-desk.ts";
import { carriesId, withId } from "./payment-identifier.ts";
import { neverPaid, type PurchaseFailure, type PurchaseOutcome } from "./payment-outcome.ts";
import { notApproved, paymentToPresent } from "./payment-to-present.ts";
import { type Purchase, purchaseOf, sessionWasBeyondMandate, wasBeyondMandate } from "./purchase.ts";
import { joinPresentation, present } from "./send-payment.ts";
import { tellDesk } from "./tell-desk.ts";
import { mandateFor, signSessionWithinMandate, signWithinMandate } from "./under-mandate.ts";
import { timeoutArgv, waitForDecision } from "./wait-for-decision.ts";
import { withdraw } from "./withdraw.ts";

export async function goOn(context: Context, input: FlowInput, purchase: Underway): Promise<PurchaseOutcome<Bought>> {
  const code = shortCode(purchase.digest);
  context.trace.adopt(purchase.record?.trace);
  const outcome = await step(context, input, purchase);
  // Afterwards: a payment does not wait for a desk.
  if (!input.dryRun) await tellDesk(context, purchase.digest, input.agentFile);
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

async function step(context: Context, input: FlowInput, purchase: Underway): Promise<PurchaseOutcome<Bought>> {
  const { session } = purchase.request.payment;
  // Before its state counts: a payment that is under way may have expired since, or be settled before its answer is whole.
  const joined = input.dryRun ? undefined : await joinPresentation(context, purchase.digest, input);
  if (joined) return named(joined, purchase);
  switch (purchase.state) {
    case "pending": {
      const refused = purchaseAboveMaxAmount(input, purchase);
      if (refused) return refused;
      const within = await (session ? openWithinMandate : payWithinMandate)(context, input, purchase);
      if (within) return within;
      if (input.noAsk) return withdrawnUnasked(context, input, purchase);
      if (input.dryRun) return notApproved(purchase) ?? impossibleState();
      const asked = await askAfterAll(context, purchase.digest);
      if (!asked.ok) return asked;
      const desk = await pairedDesk(context, purchase.request.agent.publicKey, input.agentFile);
      return input.wait ? waitAndGoOn(context, input, purchase, desk) : askAndGoOn(context, input, purchase, desk);
    }
    case "approved":
      return purchaseAboveMaxAmount(input, purchase) ?? (session ? openApproved : pay)(context, input, purchase);
    case "sent":
      if (session) return openAgain(context, input, purchase);
      return stillUsable(purchase) ? pay(context, input, purchase) : askOutcome(context, input, purchase);
    case "paid":
      return (session ? callAgain : showKept)(context, input, purchase);
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

/** Asks the desk once. The owner may have decided there since the last run. */
async function askAndGoOn(
  context: Context,
  input: FlowInput,
  purchase: Underway,
  desk: PairedDesk | undefined,
): Promise<PurchaseOutcome<Bought>> {
  if (!desk) return notApproved(purchase) ?? impossibleState();
  const { word, at } = await askAtDesk(context, desk, purchase);
  const now = await purchaseNow(context, purchase);
  if (!now.ok) return now;
  if (word.kind === "decided" && now.data.state !== "pending") return step(context, input, now.data);
  return notApproved({ ...now.data, desk: { ...at, ...now.data.desk } }) ?? step(context, input, now.data);
}

async function waitAndGoOn(
  context: Context,
  input: FlowInput,
  purchase: Underway,
  desk: PairedDesk | undefined,
): Promise<PurchaseOutcome<Bought>> {
  const { digest } = purchase;
  const began = Date.now();
  const waited = await whileWaiting(context, digest, () => waitForDecision(context, digest, input.timeout, desk, true));
  if (!waited.ok) return waited;
  const { granted, ...decided } = waited.data;
  if (decided.state !== "pending") return step(context, input, decided);
  if (!granted) return notApproved(decided) ?? impossibleState();
  const left = input.timeout === undefined ? undefined : Math.max(1, input.timeout - Math.floor((Date.now() - began) / 1000));
  return step(context, { ...input, timeout: left }, decided);
}

/** What has become of it meanwhile. */
async function purchaseNow(context: Context, purchase: Purchase): Promise<Outcome<Purchase>> {
  const item = await look(context, purchase.digest);
  if (!item.ok) return item;
  return item.data ? purchaseOf(context, item.data, unixNow()) : succeed(purchase);
}

/**
 * Pays without the owner, if a mandate covers the request. Undefined: none does, or the ledger refused to count it, so the owner is
 * asked. Never tried twice for one request: of two mandates the second one would pay what the first was to limit.
 */
async function payWithinMandate(context: Context, input: FlowInput, purchase: Underway): Promise<PurchaseOutcome<Bought> | undefined> {
  const { request, record, digest, found } = purchase;
  if (input.dryRun || wasBeyondMandate(record)) return undefined;
  const mandate = found ? succeed(found.mandate) : await mandateFor(context, input, request);
  if (!mandate.ok) return mandate;
  if (!mandate.data) return undefined;
  const agent = await openAgent(context, input.agentFile);
  if (!agent.ok) return agent;
  const payment = await signWithinMandate(context, request, mandate.data, agent.data);
  if (!payment.ok) return payment;
  if (!payment.data) return undefined;
  const http = await approvedRequest(context, { header: [], allowHttp: input.allowHttp }, payment.data);
  if (!http.ok) return http;
  // The owner may have declined or approved it while merchant and ledger were asked, and another process may have paid it.
  const fresh = await purchaseNow(context, purchase);
  if (!fresh.ok) return fresh;
  if (fresh.data.state !== "pending") return step(context, input, fresh.data);
  const paid = await present(context, http.data, payment.data, input);
  if (paid.ok) return named(await withBudget(context, input, mandate.data, paid), purchase);
  const after = findPayment(context, digest);
  if (!after.ok || !wasBeyondMandate(after.data)) return paid;
  warn(
    context,
    `Mandate ${mandate.data.shortCode} does not pay this (${paid.error.code}). ${input.noAsk ? "Nothing was paid." : "The owner is asked."}`,
  );
  return undefined;
}

/** The same of a session: the agent signs it, and its first voucher. */
async function openWithinMandate(context: Context, input: FlowInput, purchase: Underway): Promise<PurchaseOutcome<Bought> | undefined> {
  const { request, session, digest, found } = purchase;
  if (input.dryRun || sessionWasBeyondMandate(session)) return undefined;
  const mandate = found ? succeed(found.mandate) : await mandateFor(context, input, request);
  if (!mandate.ok) return mandate;
  if (!mandate.data) return undefined;
  const agent = await openAgent(context, input.agentFile);
  if (!agent.ok) return agent;
  const signed = await signSessionWithinMandate(request, mandate.data, agent.data);
  if (!signed.ok) return signed;
  if (!signed.data) return undefined;
  const fresh = await purchaseNow(context, purchase);
  if (!fresh.ok) return fresh;
  if (fresh.data.state !== "pending") return step(context, input, fresh.data);
  const paid = await openSession(context, input, purchase, signed.data);
  const after = sessionOfRequest(context, digest);
  if (paid.ok || !after.ok || !sessionWasBeyondMandate(after.data)) return paid;
  const then = input.noAsk ? "Nothing was set aside." : "The owner is asked.";
  warn(context, `Mandate ${mandate.data.shortCode} does not open this session (${paid.error.code}). ${then}`);
  return undefined;
}

async function openApproved(context: Context, input: FlowInput, purchase: Purchase): Promise<PurchaseOutcome<Bought>> {
  const signed = await sessionToOpen(purchase);
  if (!signed.ok) return signed;
  if (input.dryRun) return fail("not_approved", `Nothing was sent. It would open the session of ${shortCode(purchase.digest)}.`);
  return openSession(context, input, purchase, signed.data);
}

/** Adds the mandate, and what is left of it. */
async function withBudget(context: Context, input: FlowInput, kept: KeptMandate, paid: Success<Paid>): Promise<Success<Paid>> {
  const usage = await askUsage(context, input, kept, unixNow());
  const mandate = { shortCode: kept.shortCode, mandate: kept.digest, ...(usage.ok && { left: usage.data.left }) };
  return { ...paid, data: { ...paid.data, mandate } };
}

/** The owner was to hear of it only as a payment: what the owner was not asked for leaves the inbox. */
async function withdrawnUnasked(context: Context, { dryRun }: FlowInput, { digest }: Purchase): Promise<Failure> {
  const stored = findRequest(context, digest);
  const withdrawn = stored.ok && stored.data.quiet && !dryRun ? await withdraw(context, digest) : succeed(undefined);
  return withdrawn.ok ? notAsked(`request ${shortCode(digest)}`) : withdrawn;
}

/** @param what names the purchase */
export function notAsked(what: string): Failure {
  return fail("not_asked", `No mandate pays for ${what}, and --no-ask was given. Nothing was paid.`, {
    hint: "lez-agent-pay budget shows what can be paid without asking. Without --no-ask the owner is asked.",
  });
}

/** An open request may cost more than this run's --max-amount. A payment that may have settled is followed to its end. */
function purchaseAboveMaxAmount({ maxAmount }: FlowInput, { digest, request }: Purchase): Failure | undefined {
  return aboveMaxAmount(request.payment, maxAmount, `Request ${shortCode(digest)}`, "Nothing was paid.");
}

/** Refuses a price above the agent's own --max-amount. */
export function aboveMaxAmount(
  { scheme, amount }: Pick<PaymentRequirements, "scheme" | "amount">,
  max: string | undefined,
  what: string,
  left: string,
): Failure | undefined {
  if (max === undefined || BigInt(amount) <= BigInt(max)) return undefined;
  return fail(
    "above_max_amount",
    `${what} costs ${scheme === UPTO ? "up to " : ""}${amount} units, more than --max-amount ${max}. ${left}`,
    {
      hint: "Ask the person who set the maximum, or do without.",
      details: { amount, maxAmount: max },
    },
  );
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
  if (!record) return false;
  const { validBefore, native } = authorizationOf(record.payload);
  // A transfer that was presented in time still buys for a while after its statement has ended.
  const more = native && record.state === "sent" ? UNDELIVERED_SECONDS : 0;
  return Number(validBefore) + more >= unixNow();
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
  const { conclusion, transaction, charged, said, doubt } = status.data;
  if (conclusion === "paid" && transaction !== undefined) {
    await concludeAsTold(context, authorizationOf(record.payload), { state: "settled", transaction, charged });
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
function refusedBefore({ digest, record, session }: Purchase): PurchaseFailure {
  const code = record?.code ?? session?.code ?? "payment_rejected";
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
  const { maxAmount, timeout, out, maxBody, include, noAsk } = input;
  const said = [
    ...(noAsk ? ["--no-ask"] : []),
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

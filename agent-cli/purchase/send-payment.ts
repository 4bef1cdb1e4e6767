/** Presenting a signed payment: what must hold before a byte leaves, sending it, and reporting what came back. */
import * as z from "zod";
import { type Authorization, exactPayloadSchema, transactionOf, authorizationDigest } from "../../shared/protocol/authorization.ts";
import type { Digest } from "../../shared/crypto/digest.ts";
import { verifyExact } from "../../shared/exact/verify.ts";
import { ERRORS, isErrorCode } from "../../shared/errors.ts";
import { encodeHeader, PAYMENT_SIGNATURE } from "../../shared/x402/headers.ts";
import { checkShape } from "../../shared/text/json.ts";
import { RETRY_AFTER_SECONDS } from "../../shared/limits.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { showUnsafe } from "../../shared/screen/escapes.ts";
import { unixNow } from "../../shared/time.ts";
import { type PaymentPayload, paymentPayloadSchema } from "../../shared/x402/x402.ts";
import { checkAudit, record } from "../records/audit-log.ts";
import { type Context, warn } from "../runtime/context.ts";
import { checkDestination } from "../keys/output-file.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { readJson } from "../runtime/files.ts";
import { exchange, type HttpRequest, type HttpResponse, isRedirect } from "../runtime/exchange.ts";
import { allowHttpFor } from "../merchant/curl-request.ts";
import { carriesId } from "./payment-identifier.ts";
import { field, type Layout } from "../runtime/layout.ts";
import { duration } from "../../shared/screen/duration.ts";
import { fail, type Failure, type Next, type Outcome, refuse, succeed } from "../runtime/outcome.ts";
import { claimPayment, concludePayment, type Fate, journalKey, keepAnswer, type Payment } from "../records/payment-journal.ts";
import { judge, type Receipt, unknown } from "./classify-response.ts";
import { renderResponse, responseSchema, responseView } from "./views.ts";
import { money, moneySchema } from "../runtime/money.ts";

/** Reads a signed payment and checks all that can be checked of it alone: terms, window, account, signature. */
export async function readPayment(file: string, isPaid: IsPaid = () => false): Promise<Outcome<Payment>> {
  const payload = readJson(file, paymentPayloadSchema, { what: "payment payload" });
  return payload.ok ? checkPayment(payload.data, `"${file}"`, isPaid) : payload;
}

/** Whether a payment was made, and its answer may be had again: then it is never too late to present it. */
type IsPaid = (payment: Payment) => boolean;

/** @param what what the payload is called where it is none */
export async function checkPayment(payload: PaymentPayload, what: string, isPaid: IsPaid): Promise<Outcome<Payment>> {
  const exact = checkShape(payload.payload, exactPayloadSchema);
  if (!exact.ok) return fail("invalid_file", `${what} is not a payment payload: payload.${exact.problem}.`);
  const { authorization } = exact.value;
  const now = unixNow();
  // Which ledger settles is the merchant's to know; here it only has to be one and the same throughout.
  const ledger = authorization.ledger ?? ("" as Digest);
  const expiryIsTheLedgers = isPaid({ payload, authorization });
  const verified = await verifyExact(payload, payload.accepted, { now, ledger, expiryIsTheLedgers });
  if (verified.ok) return succeed({ payload, authorization });
  switch (verified.code) {
    case "payment_expired":
      return fail("payment_expired", `The approval ran out ${duration(now - Number(authorization.validBefore))} ago. Nothing was sent.`, {
        hint: "Ask the owner for a new approval. If you presented this payment before, find out first what became of it.",
      });
    case "unsupported_scheme":
    case "invalid_network":
      return refuse(verified.code, EXIT.unsupported, "The payment is for a scheme or network that this tool does not pay on.");
    default:
      return refuse(verified.code, EXIT.differs, `The payment contradicts itself (${verified.code}). Nothing was sent.`, {
        hint: "Use the file as the owner's approval wrote it.",
      });
  }
}

export const paidSchema = z.strictObject({
  request: z.strictObject({ method: z.string(), url: z.string() }),
  receipt: z.strictObject({ transaction: z.string(), network: z.string(), payer: z.string(), payee: z.string(), paid: moneySchema }),
  response: responseSchema,
});
export type Paid = z.infer<typeof paidSchema>;

export interface Destination {
  out?: string | undefined;
  force: boolean;
}

/**
 * Sends the request with the payment attached. What is about to leave is in the journal first, and a payment that left
 * before goes again instead of a newer one. A redirect is not followed.
 */
export async function present(context: Context, request: HttpRequest, payment: Payment, destination: Destination): Promise<Outcome<Paid>> {
  // Before the payment leaves: an answer that cannot be kept should not be bought.
  const writable = checkDestination(destination.out, destination.force);
  if (!writable.ok) return writable;
  const recordable = checkAudit(context);
  if (!recordable.ok) return recordable;
  const claimed = await claimPayment(context, payment, request);
  if (!claimed.ok) return claimed;
  const { payload, authorization } = claimed.data;
  const written = await record(context, "sent", factsOf(authorization, request));
  if (!written.ok) {
    await concludePayment(context, journalKey(authorization), { state: "unsent" });
    return written;
  }

  const header = [PAYMENT_SIGNATURE, encodeHeader(payload)] as const;
  const answer = await exchange({ ...request, headers: [...request.headers, header] }, context.io.signal);
  if (!answer.ok) {
    const reached = answer.reached || context.io.signal.aborted;
    await conclude(context, request, authorization, { state: reached ? "sent" : "unsent" });
    return noAnswer(context, request, answer);
  }
  const verdict = judge(answer, authorization);
  const kept = verdict.ok ? keepAnswer(context, journalKey(authorization), answer) : succeed(undefined);
  if (!kept.ok) warn(context, kept.error.message);
  await conclude(context, request, authorization, fateOf(verdict));
  const reported = report(context, request, authorization, answer, destination);
  if (reported.ok || reported.error.code !== "http_error" || !reported.error.details?.["receipt"] || !carriesId(payload)) return reported;
  // Paid, and what came is not what was bought. The merchant may have kept a whole one.
  return {
    ...reported,
    error: { ...reported.error, hint: "It is paid. Run the next command: it pays nothing more." },
    next: repeat(context),
  };
}

/** What an answer to a payment comes to, said to whoever asked. The same for an answer that was kept. */
export function report(
  context: Context,
  request: HttpRequest,
  authorization: Authorization,
  answer: HttpResponse,
  { out, force }: Destination,
): Outcome<Paid> {
  const verdict = judge(answer, authorization);
  // Only what was bought goes into the file; a refusal is shown, not stored.
  const bought = answer.status >= 200 && answer.status < 300;
  const response = responseView(answer, bought ? out : undefined, force);
  if (!verdict.ok) {
    const shown = response.ok ? { response: response.data } : {};
    const failure: Failure = { ...verdict, error: { ...verdict.error, details: { ...verdict.error.details, ...shown } } };
    const next = nextAfter(context, request, authorization, verdict, answer);
    return next ? { ...failure, next } : failure;
  }
  const { amount, ...receipt } = verdict.data;
  const bill = { ...receipt, payee: authorization.to, paid: money(amount, authorization.asset) };
  if (!response.ok) {
    // Whoever reads of a file alone might pay once more.
    const { requestDigest } = authorization;
    const again = requestDigest && ` lez-agent-pay fetch --resume ${shortCode(requestDigest)} shows it, into another file with --out.`;
    const message = `It is paid, and the answer was kept, but: ${response.error.message}`;
    return { ...response, error: { ...response.error, message, hint: `Do not pay again.${again ?? ""}`, details: { receipt: bill } } };
  }
  return succeed({ request: { method: request.method, url: request.url }, receipt: bill, response: response.data });
}

/**
 * "Used before" without naming our transaction proves neither that we paid nor that we did not; an id that belongs to another
 * approval of the same request says that one of the two may have been paid.
 */
const PROVES_NOTHING: ReadonlySet<string> = new Set(["nonce_replayed", "payment_identifier_conflict"]);

function fateOf(verdict: Outcome<Receipt>): Fate {
  if (verdict.ok) return { state: "settled", transaction: verdict.data.transaction };
  const { code, details } = verdict.error;
  const receipt = details?.["receipt"] as Receipt | undefined;
  const transaction = receipt?.transaction ?? (details?.["paidBefore"] === true ? String(details["transaction"]) : undefined);
  if (transaction !== undefined) return { state: "settled", transaction };
  return verdict.exit === EXIT.paymentRejected && !PROVES_NOTHING.has(code) ? { state: "refused", code } : { state: "sent" };
}

/** Journal and audit log say the same. The answer is there already, so a full disk is told and changes nothing else. */
async function conclude(context: Context, request: HttpRequest, authorization: Authorization, fate: Fate): Promise<void> {
  const event = ({ settled: "settled", refused: "refused", sent: "unknown", unsent: "unsent" } as const)[fate.state];
  const facts = {
    ...factsOf(authorization, request),
    ...(fate.state === "settled" && { transaction: fate.transaction }),
    ...(fate.state === "refused" && { code: fate.code }),
  };
  for (const written of [await concludePayment(context, journalKey(authorization), fate), await record(context, event, facts)]) {
    if (!written.ok) warn(context, written.error.message);
  }
}

/** What the audit log says of a payment. */
export function factsOf(authorization: Authorization, { method, url }: { method: string; url: string }): Record<string, string> {
  const { from, to, value, asset, network, ledger, nonce, validBefore, requestDigest } = authorization;
  return {
    ...(requestDigest && { requestDigest }),
    method,
    url,
    from,
    payTo: to,
    amount: value,
    asset,
    network,
    ...(ledger && { ledger }),
    nonce,
    validBefore,
    transactionIfSettled: transactionOf(network, authorizationDigest(authorization)),
  };
}

function noAnswer(context: Context, request: HttpRequest, { reached, problem }: { reached: boolean; problem: string }): Failure {
  const { host } = new URL(request.url);
  const next = repeat(context);
  if (!reached && !context.io.signal.aborted) {
    return fail("network", `${host} could not be reached: ${problem}. Nothing was sent.`, { hint: "Try again; nothing was paid.", next });
  }
  if (!reached) return fail("interrupted", "Interrupted before anything was sent.", { next });
  const lost = unknown(`${host} gave no answer: ${problem}.`);
  if (!context.io.signal.aborted) return { ...lost, next };
  return fail("interrupted", "Interrupted while the payment was under way. It may have been made.", {
    ...(lost.error.hint && { hint: lost.error.hint }),
    details: { outcome: "unknown" },
    next,
  });
}

function nextAfter(
  context: Context,
  { url }: HttpRequest,
  authorization: Authorization,
  { exit, error }: Failure,
  { status, headers }: HttpResponse,
): Next | undefined {
  const { code, details } = error;
  const usedUnclear = code === "nonce_replayed" && details?.["paidBefore"] !== true;
  if (code === "receipt_differs" || code === "payment_required" || usedUnclear || (code === "http_error" && isRedirect(status))) {
    const argv = ["lez-agent-pay", "status", journalKey(authorization)];
    return { argv, by: "agent", why: "ask what became of the payment" };
  }
  // Paid first, and then the handler failed: what is owed is owed to the same payment. Goods that broke off were delivered.
  const owed = !details?.["receipt"] || (code === "http_error" && (status < 200 || status >= 300));
  if (exit === EXIT.outcomeUnknown || (exit === EXIT.httpErrorAfterPayment && owed) || error.retryable) {
    return repeat(context, headers["retry-after"]);
  }
  // A refusal that a new payment can cure: the terms have moved, or the payment ran out.
  const curable = exit === EXIT.paymentRejected && isErrorCode(code) && ERRORS[code].retryable;
  const argv = ["lez-agent-pay", "quote", url, ...allowHttpFor(url)];
  return curable ? { argv, by: "agent", why: "see the merchant's terms as they are now" } : undefined;
}

/** The same command again: it presents the same payment, and the ledger pays that once. */
function repeat(context: Context, retryAfter?: string): Next {
  const seconds = /^[0-9]{1,4}$/.test(retryAfter ?? "") ? Number(retryAfter) : RETRY_AFTER_SECONDS;
  return {
    argv: ["lez-agent-pay", ...context.argv],
    by: "agent",
    why: "present the same payment again; it is paid at most once",
    afterSeconds: seconds,
  };
}

export function renderPaid({ request, receipt, response }: Paid, layout: Layout): string[] {
  return [
    layout.ink("green", `Paid ${receipt.paid.display} for ${request.method} ${request.url}`),
    ...field(layout, "to", receipt.payee),
    ...field(layout, "from", receipt.payer),
    ...field(layout, "transaction", showUnsafe(receipt.transaction), 13),
    "",
    ...renderResponse(response, layout),
  ];
}

/** Presents a signed payment: checks what must hold before a byte leaves, sends it, and reports the answer. */
import * as z from "zod";
import type { Digest } from "../../shared/crypto/digest.ts";
import { verifyExact } from "../../shared/exact/verify.ts";
import { type Authorization, exactPayloadSchema, transactionOf, authorizationDigest } from "../../shared/protocol/authorization.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { duration } from "../../shared/screen/duration.ts";
import { showUnsafe } from "../../shared/screen/escapes.ts";
import { checkShape } from "../../shared/text/json.ts";
import { unixNow } from "../../shared/time.ts";
import { encodeHeader, PAYMENT_SIGNATURE } from "../../shared/x402/headers.ts";
import { type PaymentPayload, paymentPayloadSchema } from "../../shared/x402/x402.ts";
import { checkDestination } from "../keys/output-file.ts";
import { checkAudit, record } from "../records/audit-log.ts";
import { claimPayment, concludePayment, keepAnswer, type Payment, type PaymentConclusion, paymentKey } from "../records/payment-journal.ts";
import { type Context, warn } from "../runtime/context.ts";
import { exchange, type HttpRequest, type HttpResponse } from "../runtime/exchange.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { readJson } from "../runtime/files.ts";
import { field, type Layout } from "../runtime/layout.ts";
import { money, moneySchema } from "../runtime/money.ts";
import { fail, type Outcome, refuse, succeed } from "../runtime/outcome.ts";
import { classifyResponse, classifySilence } from "./classify-response.ts";
import { carriesId } from "./payment-identifier.ts";
import { conclusionOf, failureOf, type Presented, type PurchaseOutcome, type Sender } from "./payment-outcome.ts";
import { renderResponse, responseSchema, responseView } from "./views.ts";

/** Reads a signed payment and checks what it shows by itself: terms, validity, account, signature. */
export async function readPayment(file: string, isPaid: IsPaid = () => false): Promise<Outcome<Payment>> {
  const payload = readJson(file, paymentPayloadSchema, { what: "payment payload" });
  return payload.ok ? checkPayment(payload.data, `"${file}"`, isPaid) : payload;
}

/** Whether a payment is settled and its answer may be fetched again: it may then be presented after its expiry. */
type IsPaid = (payment: Payment) => boolean;

/** @param what names the payload in an error */
export async function checkPayment(payload: PaymentPayload, what: string, isPaid: IsPaid): Promise<Outcome<Payment>> {
  const exact = checkShape(payload.payload, exactPayloadSchema);
  if (!exact.ok) return fail("invalid_file", `${what} is not a payment payload: payload.${exact.problem}.`);
  const { authorization } = exact.value;
  const now = unixNow();
  // Only the merchant knows which ledger settles. Here payload and terms only have to name the same one.
  const ledger = authorization.ledger ?? ("" as Digest);
  const expiryIsTheLedgers = isPaid({ payload, authorization });
  const verified = await verifyExact(payload, payload.accepted, { now, ledger, expiryIsTheLedgers });
  if (verified.ok) return succeed({ payload, authorization });
  switch (verified.code) {
    case "payment_expired":
      return fail("payment_expired", `The approval expired ${duration(now - Number(authorization.validBefore))} ago. Nothing was sent.`, {
        hint: "Ask the owner for a new approval. If you presented this payment before, check first whether it was made: lez-agent-pay status.",
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
 * Sends the request with the payment attached. The payment is in the payment journal before it leaves; one that left before
 * is sent again instead of a newer one. A redirect is not followed.
 */
export async function present(
  context: Context,
  request: HttpRequest,
  payment: Payment,
  destination: Destination,
): Promise<PurchaseOutcome<Paid>> {
  // Checked before the payment leaves: an answer that cannot be kept should not be bought.
  const writable = checkDestination(destination.out, destination.force);
  if (!writable.ok) return writable;
  const recordable = checkAudit(context);
  if (!recordable.ok) return recordable;
  const claimed = await claimPayment(context, payment, request);
  if (!claimed.ok) return claimed;
  const { payload, authorization } = claimed.data;
  const written = await record(context, "sent", factsOf(authorization, request));
  if (!written.ok) {
    await concludePayment(context, paymentKey(authorization), { state: "unsent" });
    return written;
  }

  const header = [PAYMENT_SIGNATURE, encodeHeader(payload)] as const;
  const answer = await exchange({ ...request, headers: [...request.headers, header] }, context.io.signal);
  const sender = senderOf(context, request, payload, authorization);
  if (!answer.ok) {
    const outcome = classifySilence(answer, request.url, context.io.signal.aborted);
    await conclude(context, request, authorization, conclusionOf(outcome));
    return failureOf(outcome, sender);
  }
  const outcome = classifyResponse(answer, authorization);
  const kept = outcome.kind === "paid" ? keepAnswer(context, sender.paymentKey, answer) : succeed(undefined);
  if (!kept.ok) warn(context, kept.error.message);
  await conclude(context, request, authorization, conclusionOf(outcome));
  return report(context, request, { payload, authorization }, answer, outcome, destination);
}

/** Reports an answer by its outcome, whether it just arrived or was kept. */
export function report(
  context: Context,
  request: HttpRequest,
  { payload, authorization }: Payment,
  answer: HttpResponse,
  outcome: Presented,
  { out, force }: Destination,
): PurchaseOutcome<Paid> {
  // Only what was bought goes into the file; a refusal is shown, not stored.
  const bought = answer.status >= 200 && answer.status < 300;
  const response = responseView(answer, bought ? out : undefined, force);
  if (outcome.kind !== "paid") {
    const failure = failureOf(outcome, senderOf(context, request, payload, authorization));
    const shown = response.ok ? { response: response.data } : {};
    return { ...failure, error: { ...failure.error, details: { ...failure.error.details, ...shown } } };
  }
  const { amount, ...receipt } = outcome.receipt;
  const bill = { ...receipt, payee: authorization.to, paid: money(amount, authorization.asset) };
  if (!response.ok) {
    // A failure to write the file must not read as a failure to pay.
    const { requestDigest } = authorization;
    const again = requestDigest && ` lez-agent-pay fetch --resume ${shortCode(requestDigest)} shows it, into another file with --out.`;
    const message = `It is paid, and the answer was kept, but: ${response.error.message}`;
    const error = { ...response.error, message, hint: `Do not pay again.${again ?? ""}`, details: { receipt: bill } };
    return { ...response, error, payment: outcome };
  }
  return succeed({ request: { method: request.method, url: request.url }, receipt: bill, response: response.data });
}

function senderOf(context: Context, { url }: HttpRequest, payload: PaymentPayload, authorization: Authorization): Sender {
  return { argv: context.argv, url, paymentKey: paymentKey(authorization), identified: carriesId(payload) };
}

/** The payment journal and the audit log record the same. The answer is here already, so a full disk only causes a warning. */
async function conclude(
  context: Context,
  request: HttpRequest,
  authorization: Authorization,
  conclusion: PaymentConclusion,
): Promise<void> {
  const event = ({ settled: "settled", refused: "refused", sent: "unknown", unsent: "unsent" } as const)[conclusion.state];
  const facts = {
    ...factsOf(authorization, request),
    ...(conclusion.state === "settled" && { transaction: conclusion.transaction }),
    ...(conclusion.state === "refused" && { code: conclusion.code }),
  };
  for (const written of [await concludePayment(context, paymentKey(authorization), conclusion), await record(context, event, facts)]) {
    if (!written.ok) warn(context, written.error.message);
  }
}

/** A payment's facts in the audit log. */
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

/** Reports the answer to a payment, whether it just arrived or was kept. */

import * as z from "zod";
import { SCHEME } from "../../shared/lez.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { showUnsafe } from "../../shared/screen/escapes.ts";
import { money } from "../../shared/screen/money.ts";
import { type Payment, paymentKey } from "../records/payment-journal.ts";
import { refundedSums } from "../records/refunds-known.ts";
import type { Context } from "../runtime/context.ts";
import type { HttpRequest } from "../runtime/exchange.ts";
import { field, type Layout } from "../runtime/layout.ts";
import { moneySchema, price } from "../runtime/money.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import { chargeLines, chargeOf, chargeSchema } from "./charge.ts";
import { isDelivered } from "./classify-response.ts";
import { carriesId } from "./payment-identifier.ts";
import { failureOf, type Presented, type PurchaseOutcome, type Sender } from "./payment-outcome.ts";
import { fetchResult, resultUrl } from "./pending-answer.ts";
import { renderResponse, responseSchema, responseView, type ShownAnswer, type ShownHow } from "./views.ts";

export const paidSchema = z.strictObject({
  request: z.strictObject({ method: z.string(), url: z.string() }),
  receipt: z.strictObject({ transaction: z.string(), network: z.string(), payer: z.string(), payee: z.string(), paid: moneySchema }),
  /** Of scheme `upto`, where `paid` is what was charged. */
  charge: chargeSchema.optional(),
  response: responseSchema,
  /** It was paid in an earlier run, and its answer was kept. */
  kept: z.boolean(),
  /** It was paid in an earlier run: nothing more was paid. */
  again: z.literal(true).optional(),
  /** Of a payment of an earlier run: what this machine has read in the payer's journal, the last time that status was asked. */
  refunded: moneySchema.optional(),
  /** When this machine learned that it was paid, if that was in an earlier run. */
  paidAt: z.string().optional(),
  /** The mandate that paid, and what is left of it if the ledger says so. Absent if the owner approved the payment. */
  mandate: z.strictObject({ shortCode: z.string(), mandate: z.string(), left: moneySchema.optional() }).optional(),
  /** The session that paid, and what is left of its deposit. No transaction: the ledger pays what the merchant claims later. */
  session: z
    .strictObject({ shortCode: z.string(), session: z.string(), commitment: z.string(), left: moneySchema, expiresAt: z.string() })
    .optional(),
  /** Quote it to the seller: its log has the same id. */
  trace: z.string().optional(),
});
export type Paid = z.infer<typeof paidSchema>;

export interface Destination extends ShownHow {
  /** The largest body to keep, as --max-body names it. */
  maxBody?: string | undefined;
  /** Seconds to wait for the chain itself to settle the payment. */
  chainWait?: number | undefined;
}

/** Checks before anything is sent or asked that its answer can be written. */
export function checkOut({ files }: Context, { out }: Destination): Outcome<undefined> {
  return out === undefined ? succeed(undefined) : files.checkNew(out);
}

/** @param kept the answer was on disk, and nothing was presented */
export async function report(
  context: Context,
  request: HttpRequest,
  payment: Payment,
  answer: ShownAnswer,
  outcome: Presented,
  destination: Destination,
  kept: boolean,
): Promise<PurchaseOutcome<Paid>> {
  // Only what was bought goes into the file, and only whole. A refusal is shown, a part stays where it is kept.
  const bought = isDelivered(answer) && answer.complete && resultUrl(request.url, answer) === undefined;
  const { out } = destination;
  const response = await responseView(context, answer, { ...destination, out: bought ? out : undefined });
  if (outcome.kind !== "paid") {
    const failure = failureOf(outcome, senderOf(context, request, payment));
    const shown = response.ok ? { response: response.data } : {};
    const error = { ...failure.error, details: { ...failure.error.details, ...shown } };
    const elsewhere = outcome.kind === "paid_no_answer" ? fetchResult(request.url, answer, out) : undefined;
    if (!elsewhere) return { ...failure, error };
    return {
      ...failure,
      error: { ...error, hint: "It is paid. Run the next command: it fetches what the merchant points to." },
      next: elsewhere,
    };
  }
  const { authorization, paidAt, trace } = payment;
  const { amount, charged, ...receipt } = outcome.receipt;
  const { asset, scheme = SCHEME } = authorization;
  // A charge that the receipt does not name can be all that was signed.
  const paidSum = charged === undefined ? price({ scheme, amount, asset }) : money(charged, asset);
  const bill = { ...receipt, payee: authorization.to, paid: paidSum };
  const charge = chargeOf(payment, answer.headers);
  if (!response.ok) {
    // A failure to write the file must not read as a failure to pay.
    const { requestDigest } = authorization;
    const again = requestDigest && ` lez-agent-pay fetch --resume ${shortCode(requestDigest)} shows it, into another file with --out.`;
    const message = `It is paid, and the answer was kept, but: ${response.error.message}`;
    const error = { ...response.error, message, hint: `Do not pay again.${again ?? ""}`, details: { receipt: bill } };
    return { ...response, error, payment: outcome };
  }
  const again = kept || paidAt !== undefined;
  // The payment is reported whatever the audit log says.
  const sums = again ? refundedSums(context) : undefined;
  const refunded = sums?.ok ? sums.data.get(receipt.transaction) : undefined;
  const paid = {
    request: { method: request.method, url: request.url },
    receipt: bill,
    ...(charge && { charge }),
    response: response.data,
    kept,
    ...(again && { again: true as const }),
    ...(refunded !== undefined && { refunded: money(refunded.toString(), asset) }),
    ...(paidAt !== undefined && { paidAt }),
    ...(trace !== undefined && { trace }),
  };
  return succeed(paid, fetchResult(request.url, answer, out));
}

export function senderOf(context: Context, { url }: HttpRequest, { payload, authorization }: Payment): Sender {
  return { argv: context.argv, url, paymentKey: paymentKey(authorization), identified: carriesId(payload) };
}

export function renderPaid(
  { request, receipt, charge, response, kept, again, refunded, paidAt, mandate, session, trace }: Paid,
  layout: Layout,
): string[] {
  const when = paidAt === undefined ? "" : ` at ${paidAt}`;
  return [
    ...(again ? [`Already paid${when}; ${kept ? "the saved answer" : "the merchant answered again"}; nothing more was paid.`] : []),
    layout.ink("green", `Paid ${receipt.paid.display} for ${request.method} ${request.url}`),
    ...(charge ? chargeLines(charge, layout) : []),
    ...(refunded ? field(layout, "refunded", `${refunded.display}, as the payer's journal said`) : []),
    ...field(layout, "to", receipt.payee),
    ...field(layout, "from", receipt.payer),
    ...(receipt.transaction === "" ? [] : field(layout, "transaction", showUnsafe(receipt.transaction), 13)),
    ...(session ? field(layout, "session", `${session.shortCode}, ${session.left.display} left until ${session.expiresAt}`) : []),
    ...(mandate ? field(layout, "mandate", `${mandate.shortCode}${mandate.left ? `, ${mandate.left.display} left` : ""}`) : []),
    ...(trace ? field(layout, "trace", trace) : []),
    "",
    ...renderResponse(response, layout),
  ];
}

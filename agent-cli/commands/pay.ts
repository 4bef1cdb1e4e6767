/** `pay`: sends exactly the request that was approved, with its payment. Running it again presents the same payment. */

import * as z from "zod";
import { SCHEME } from "../../shared/lez.ts";
import { defineCommand } from "../command-line/command.ts";
import { downloadField, dryRunField, includeField, maxBodyField, retiredForceField, secondsField } from "../command-line/fields.ts";
import { allowHttpField, curlFields } from "../merchant/curl-request.ts";
import { approvedRequest } from "../purchase/approved-request.ts";
import { findInInbox, namesFile, paymentField } from "../purchase/find-request.ts";
import { fetchAnswer } from "../purchase/paid-answer.ts";
import { paidSchema, renderPaid } from "../purchase/paid-report.ts";
import { carriesId, paidTransaction, withId } from "../purchase/payment-identifier.ts";
import type { PurchaseFailure, PurchaseOutcome } from "../purchase/payment-outcome.ts";
import { isAnswerLeft, paymentToPresent } from "../purchase/payment-to-present.ts";
import { joinPresentation, present, readPayment } from "../purchase/send-payment.ts";
import { tellDesk } from "../purchase/tell-desk.ts";
import type { InboxItem } from "../records/inbox.ts";
import type { Context } from "../runtime/context.ts";
import { field } from "../runtime/layout.ts";
import { CHAIN_WAIT_SECONDS } from "../runtime/limits.ts";
import { moneySchema, price } from "../runtime/money.ts";
import { succeed } from "../runtime/outcome.ts";

const triedSchema = z.strictObject({
  dryRun: z.literal(true),
  request: paidSchema.shape.request,
  wouldPay: moneySchema,
  payTo: z.string(),
});

const inputSchema = z.strictObject({
  payment: paymentField,
  requestFile: z.string().optional().meta({ value: "file", local: true, description: "the payment request, if it was made elsewhere" }),
  header: curlFields.header,
  data: curlFields.data.meta({ description: "the request body, if the request was made elsewhere" }),
  out: downloadField("file for the body of the answer"),
  ...includeField,
  ...maxBodyField,
  wait: secondsField
    .default(CHAIN_WAIT_SECONDS)
    .meta({ value: "seconds", description: "of a payment on the chain itself: how long to wait until it is settled; 600" }),
  ...allowHttpField,
  ...dryRunField,
  ...retiredForceField,
});
const outputSchema = z.union([paidSchema, triedSchema]);

export const pay = defineCommand({
  name: "pay",
  audience: "agent",
  tool: { title: "Send an approved payment", destructive: true, idempotent: true, openWorld: true },
  summary: "send an approved payment, or send it again",
  description:
    "Takes a request in the inbox, or the payment's file. Method, URL, headers and body are those of `request create`, which stores them. On another machine, give --request-file and the same -d and -H. However often it runs, it is paid at most once.",
  input: inputSchema,
  output: outputSchema,
  examples: [
    { says: "a request that the owner has approved on this machine", argv: "pay 7F3K-9QPD" },
    { says: "a request from elsewhere; save the answer", argv: "pay payment-payload.json --request-file request.json --out report.pdf" },
  ],
  async run(context, { wait: chainWait, ...given }) {
    const input = { ...given, chainWait };
    const item = namesFile(context, input.payment) ? undefined : await findInInbox(context, input.payment);
    if (item && !item.ok) return item;
    const sent = await send(context, input, item?.data);
    if (item && !input.dryRun) await tellDesk(context, item.data.digest);
    return sent;
  },
  render(data, layout) {
    if ("receipt" in data) return renderPaid(data, layout);
    const { wouldPay, request, payTo } = data;
    return [`Nothing was sent. It would pay ${wouldPay.display} for ${request.method} ${request.url}`, ...field(layout, "to", payTo)];
  },
});

async function send(
  context: Context,
  input: Omit<z.output<typeof inputSchema>, "wait"> & { chainWait: number },
  item: InboxItem | undefined,
): Promise<PurchaseOutcome<z.output<typeof outputSchema>>> {
  const joined = item && !input.dryRun ? joinPresentation(context, item.digest, input) : undefined;
  if (joined) return joined;
  const payment = item ? await paymentToPresent(context, item) : await readPayment(context, input.payment, isAnswerLeft(context));
  if (!payment.ok) return payment;
  const http = await approvedRequest(context, input, payment.data);
  if (!http.ok) return http;
  const identified = withId(context, payment.data);
  const paid = paidTransaction(context, identified);
  if (paid !== undefined && !input.dryRun && carriesId(identified.payload)) return fetchAnswer(context, http.data, identified, paid, input);
  if (!input.dryRun) {
    const presented = await present(context, http.data, identified, input);
    return paid !== undefined && !presented.ok && presented.payment?.kind === "refused" ? paidBefore(presented, paid) : presented;
  }
  const { value: amount, asset, to, scheme = SCHEME } = payment.data.authorization;
  const { method, url } = http.data;
  return succeed({ dryRun: true as const, request: { method, url }, wouldPay: price({ scheme, amount, asset }), payTo: to });
}

/** The merchant refused this copy; the payment itself was settled before. */
function paidBefore(failure: PurchaseFailure, transaction: string): PurchaseFailure {
  const { error } = failure;
  const details = { ...error.details, paidBefore: true, transaction };
  return { ...failure, error: { ...error, hint: "It is paid, once, by an earlier copy. Do not pay again.", details } };
}

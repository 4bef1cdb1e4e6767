/** `http get`: one GET, with or without a signed payment; shows status, decoded x402 headers and body. */

import * as z from "zod";
import { type BindingScope, bindingScope, canonicalUrl } from "../../shared/protocol/binding.ts";
import { resourceInfoSchema } from "../../shared/x402/x402.ts";
import { defineCommand } from "../command-line/command.ts";
import { includeField, maxBodyField, nameField, retiredForceField } from "../command-line/fields.ts";
import { allowHttpField, boundRequest, curlFields, httpRequest } from "../merchant/curl-request.ts";
import { interrupted } from "../prompts/prompts.ts";
import { checkOut, paidSchema, renderPaid } from "../purchase/paid-report.ts";
import { present, readPayment } from "../purchase/send-payment.ts";
import { renderResponse, responseSchema, responseView } from "../purchase/views.ts";
import type { Payment } from "../records/payment-journal.ts";
import { exchange, type HttpRequest } from "../runtime/exchange.ts";
import { fail, type Failure, succeed } from "../runtime/outcome.ts";

export const httpGet = defineCommand({
  name: "http get",
  audience: "agent",
  summary: "one GET, with or without a signed payment",
  description:
    "Without a payment, a 402 is an answer like any other: exit code 0. A payment goes to the URL it was approved for, or nowhere.",
  input: z.strictObject({
    url: z.string().meta({ description: "the resource" }),
    payload: z.string().optional().meta({ value: "file", description: "the signed payment to attach" }),
    header: curlFields.header,
    out: nameField.optional().meta({ value: "file", description: "file for the body" }),
    ...includeField,
    ...maxBodyField,
    ...allowHttpField,
    ...retiredForceField,
  }),
  output: z.union([paidSchema, z.strictObject({ request: paidSchema.shape.request, response: responseSchema })]),
  examples: [
    { says: "what does the server say?", argv: "http get --url https://api.example.com/premium" },
    { says: "with an approved payment", argv: "http get --url https://api.example.com/premium --payload payment-payload.json" },
  ],
  async run(context, { payload, out, maxBody, include, ...input }) {
    const request = await httpRequest(context, input);
    if (!request.ok) return request;
    if (payload !== undefined) {
      const payment = await readPayment(context, payload);
      if (!payment.ok) return payment;
      return notForThis(payment.data, request.data) ?? present(context, request.data, payment.data, { out, maxBody, include }, true);
    }
    const writable = checkOut(context, { out });
    if (!writable.ok) return writable;
    const answer = await exchange(context, request.data);
    if (!answer.ok) {
      if (context.io.signal.aborted) return interrupted();
      if (answer.refused) return answer.refused;
      return fail("network", `${new URL(request.data.url).host} could not be reached: ${answer.problem}.`, {
        hint: "Check the URL, then try again.",
      });
    }
    const response = await responseView(context, answer, { out, include });
    if (!response.ok) return response;
    return succeed({ request: { method: request.data.method, url: request.data.url }, response: response.data });
  },
  render: (data, layout) => ("receipt" in data ? renderPaid(data, layout) : renderResponse(data.response, layout)),
});

/** Compares the URL with what the payment itself says: there is no PaymentRequest here. */
function notForThis({ payload, authorization }: Payment, request: HttpRequest): Failure | undefined {
  const resource = resourceInfoSchema.safeParse(payload.resource);
  const approvedUrl = resource.success ? canonicalUrl(resource.data.url) : undefined;
  const scope: BindingScope | undefined = bindingScope(boundRequest(request), payload.accepted);
  if (approvedUrl === undefined && authorization.binding === undefined) {
    return differs("The payment does not say what it is for, so it is not sent anywhere.");
  }
  if (approvedUrl !== undefined && approvedUrl !== request.url)
    return differs(`The payment was approved for ${approvedUrl}, not for ${request.url}.`);
  return scope ? undefined : differs(`The payment is bound to another request than GET ${request.url}.`);
}

function differs(message: string): Failure {
  return fail("request_differs", `${message} Nothing was sent.`, { hint: "Name the URL that was approved." });
}

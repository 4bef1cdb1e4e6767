/** `pay`: sends exactly the request that was approved, with its payment. Running it again presents the same payment. */
import * as z from "zod";
import { bodyDigest, canonicalJson } from "../../shared/digest.ts";
import { paymentFields, type PaymentRequest, paymentRequestSchema, requestDigest } from "../../shared/payment-request.ts";
import { defineCommand } from "../command.ts";
import type { Context } from "../context.ts";
import { forceField, outField } from "../fields.ts";
import { readJson } from "../files.ts";
import type { HttpRequest } from "../http.ts";
import { allowHttpField, curlFields, httpRequest } from "../http-request.ts";
import { fail, type Failure, type Outcome, succeed } from "../outcome.ts";
import { paidSchema, type Payment, present, readPayment, renderPaid } from "../payment.ts";
import { findRequest } from "../request-store.ts";

const input = z.strictObject({
  payload: z.string().meta({ positional: true, description: "the signed payment, as the owner's approval wrote it" }),
  requestFile: z.string().optional().meta({ value: "file", description: "the payment request, if it was made elsewhere" }),
  header: curlFields.header,
  data: curlFields.data.meta({ description: "the request body, if the request was made elsewhere" }),
  out: outField.optional().meta({ description: "where the body of the answer goes" }),
  ...allowHttpField,
  ...forceField,
});
type Input = z.output<typeof input>;

export const pay = defineCommand({
  name: "pay",
  audience: "agent",
  summary: "send an approved payment, or send it again",
  description:
    "Method, URL, headers and body are those of `request create`, which remembers them. On another machine give --request-file, and -d and -H as there. However often it runs, it is paid at most once.",
  input,
  output: paidSchema,
  examples: [
    { says: "the request was made on this machine", argv: "pay payment-payload.json" },
    { says: "it was made elsewhere; keep the answer", argv: "pay payment-payload.json --request-file request.json --out report.pdf" },
  ],
  async run(context, input) {
    const payment = await readPayment(input.payload);
    if (!payment.ok) return payment;
    const approved = await approvedRequest(context, input, payment.data);
    if (!approved.ok) return approved;
    const { request, http } = approved.data;
    return notApproved(request, http, payment.data) ?? present(context, http, payment.data, input);
  },
  render: renderPaid,
});

interface Approved {
  request: PaymentRequest;
  http: HttpRequest;
}

/** The request from the file that was named, or from the memory of `request create`. */
async function approvedRequest(context: Context, input: Input, { authorization }: Payment): Promise<Outcome<Approved>> {
  if (input.requestFile !== undefined) {
    const request = readJson(input.requestFile, paymentRequestSchema, { what: "payment request" });
    if (!request.ok) return request;
    const http = httpRequest({ ...input, url: request.data.http.url, method: request.data.http.method });
    return http.ok ? succeed({ request: request.data, http: http.data }) : http;
  }
  const digest = authorization.requestDigest;
  const stored = digest && findRequest(context, digest);
  if (!stored?.ok) {
    return fail("request_not_found", "The request that this payment was approved for is not known on this machine.", {
      hint: "Add --request-file, and -d and -H as they were given to `request create`.",
    });
  }
  const { request, headers, body } = stored.data;
  const http = httpRequest({ ...input, url: request.http.url, method: request.http.method, data: undefined });
  if (!http.ok) return http;
  return succeed({ request, http: { ...http.data, headers: [...headers, ...http.data.headers], ...(body.length > 0 && { body }) } });
}

/** The payment must be for this request, and the request to be sent must be the one that was approved. */
function notApproved(request: PaymentRequest, http: HttpRequest, { payload, authorization }: Payment): Failure | undefined {
  if (authorization.requestDigest !== requestDigest(request)) return differs("The payment was approved for another request.");
  if (canonicalJson(payload.accepted) !== request.payment.offer) return differs("The payment accepts other terms than the request.");
  const { network, asset, amount, payTo } = paymentFields(payload.accepted);
  const signed = [authorization.network, authorization.asset, authorization.value, authorization.to];
  if (canonicalJson(signed) !== canonicalJson([network, asset, amount, payTo]))
    return differs("The payment is not what the request asked for.");
  if (http.method !== request.http.method || http.url !== request.http.url) return differs("Method and URL are not the approved ones.");
  const body = http.body && bodyDigest(http.body);
  if (body === request.http.bodySha256) return undefined;
  return differs(body ? "The body is not the one that was approved." : "A body was approved, and none was given (-d).");
}

function differs(message: string): Failure {
  return fail("request_differs", `${message} Nothing was sent.`, { hint: "Send exactly what was approved, or make a new request." });
}

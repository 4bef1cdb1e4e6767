/** Pairs a payment with the HTTP request that it was approved for. It is sent with no other. */

import { bodyDigest, canonicalJson } from "../../shared/crypto/digest.ts";
import { paymentFields, type PaymentRequest, paymentRequestSchema, requestDigest } from "../../shared/protocol/payment-request.ts";
import { httpRequest } from "../merchant/curl-request.ts";
import type { Payment } from "../records/payment-journal.ts";
import { findRequest } from "../records/request-store.ts";
import type { Context } from "../runtime/context.ts";
import type { HttpRequest } from "../runtime/exchange.ts";
import { readJson } from "../runtime/files.ts";
import { fail, type Failure, type Outcome, succeed } from "../runtime/outcome.ts";

export interface ApprovedInput {
  requestFile?: string | undefined;
  header: string[];
  data?: string | string[] | undefined;
  allowHttp: boolean;
}

/** The request from --request-file or from the agent's request store; refused unless the payment is for it. */
export async function approvedRequest(context: Context, input: ApprovedInput, payment: Payment): Promise<Outcome<HttpRequest>> {
  const found = await findHttp(context, input, payment);
  if (!found.ok) return found;
  const { request, http } = found.data;
  return differenceOf(request, http, payment) ?? succeed(http);
}

async function findHttp(
  context: Context,
  input: ApprovedInput,
  { authorization }: Payment,
): Promise<Outcome<{ request: PaymentRequest; http: HttpRequest }>> {
  if (input.requestFile !== undefined) {
    const request = readJson(input.requestFile, paymentRequestSchema, { what: "payment request", named: true }, context.files.read);
    if (!request.ok) return request;
    const http = await httpRequest(context, { ...input, url: request.data.http.url, method: request.data.http.method });
    return http.ok ? succeed({ request: request.data, http: http.data }) : http;
  }
  const digest = authorization.requestDigest;
  const stored = digest && findRequest(context, digest);
  if (!stored?.ok) {
    return fail("request_not_found", "The request that this payment was approved for is not known on this machine.", {
      hint: "It is stored where it was made. On another machine, run lez-agent-pay pay with the payment's file, --request-file, and the -d and -H of `request create`.",
    });
  }
  const { request, headers, body } = stored.data;
  const http = await httpRequest(context, { ...input, url: request.http.url, method: request.http.method, data: undefined });
  if (!http.ok) return http;
  return succeed({ request, http: { ...http.data, headers: [...headers, ...http.data.headers], ...(body.length > 0 && { body }) } });
}

/** Returns how they differ; undefined if the payment is for this request and the request to be sent is the approved one. */
function differenceOf(request: PaymentRequest, http: HttpRequest, payment: Payment): Failure | undefined {
  const difference = paymentDifference(request, payment);
  if (difference) return difference;
  if (http.method !== request.http.method || http.url !== request.http.url)
    return differs("The method or the URL is not the approved one.");
  const body = http.body && bodyDigest(http.body);
  if (body === request.http.bodySha256) return undefined;
  return differs(body ? "The body is not the one that was approved." : "A body was approved, but none was given (-d).");
}

/** Returns how a payment differs from the request that it should pay for; undefined if it does not. */
export function paymentDifference(request: PaymentRequest, { payload, authorization }: Payment): Failure | undefined {
  if (authorization.requestDigest !== requestDigest(request)) return differs("The payment was approved for another request.");
  if (canonicalJson(payload.accepted) !== request.payment.offer) return differs("The payment accepts other terms than the request.");
  const { network, asset, amount, payTo } = paymentFields(payload.accepted);
  const signed = [authorization.network, authorization.asset, authorization.value, authorization.to];
  if (canonicalJson(signed) !== canonicalJson([network, asset, amount, payTo]))
    return differs("The payment differs from what the request asked for.");
  return undefined;
}

function differs(message: string): Failure {
  return fail("request_differs", `${message} Nothing was sent.`, { hint: "Send exactly what was approved, or make a new request." });
}

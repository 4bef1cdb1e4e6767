/** What the paywall answers instead of the resource: one place that maps codes to statuses, headers and bodies. */
import { type ErrorCode, errorBody, ERRORS } from "../../../shared/errors.ts";
import { encodeHeader, PAYMENT_ERROR, PAYMENT_REQUIRED, PAYMENT_RESPONSE } from "../../../shared/x402/headers.ts";
import { RETRY_AFTER_SECONDS } from "../../../shared/limits.ts";
import type { PaymentRequired, SettleResponse } from "../../../shared/x402/x402.ts";
import type { Challenge } from "./challenge.ts";
import { paymentPage } from "./page.ts";

export interface Refusal {
  code: ErrorCode;
  detail?: string | undefined;
  /** The terms, in the body. */
  challenge?: Challenge | undefined;
  /** Also as PAYMENT-REQUIRED: for refusals after which a (new) payment is in order. */
  offerAgain?: boolean;
  /** PAYMENT-RESPONSE: what the facilitator said. */
  receipt?: SettleResponse;
  /** The caller is a browser: a page instead of JSON. */
  html?: boolean;
}

/** The 402 of a request without a payment. Nothing is encoded here that was not encoded before. */
export function challengeResponse({ headers, body }: Challenge): Response {
  return new Response(body, { status: ERRORS.payment_required.status, headers });
}

/** Answers after which the same payment should be tried again, not a new one. */
export const WAIT: ReadonlySet<ErrorCode> = new Set([
  "payment_in_progress",
  "settlement_pending",
  "facilitator_unavailable",
  "overloaded",
  "rate_limited",
]);

export function refusalResponse({ code, detail, challenge, offerAgain = false, receipt, html = false }: Refusal): Response {
  const { status } = ERRORS[code];
  const headers = new Headers({ "Cache-Control": "no-store", [PAYMENT_ERROR]: code });
  const required: PaymentRequired | undefined = challenge && { ...challenge.required, error: code };
  if (challenge && required && offerAgain) {
    headers.set(PAYMENT_REQUIRED, code === "payment_required" ? challenge.header : encodeHeader(required));
  }
  if (receipt) headers.set(PAYMENT_RESPONSE, encodeHeader(receipt));
  if (WAIT.has(code)) headers.set("Retry-After", String(RETRY_AFTER_SECONDS));
  if (html && required) {
    headers.set("Content-Type", "text/html; charset=utf-8");
    return new Response(paymentPage(required), { status, headers });
  }
  return Response.json({ ...required, ...errorBody(code, detail) }, { status, headers });
}

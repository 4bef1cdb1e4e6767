/** What the paywall answers in place of the resource: maps each code to its status, headers and body. */

import { type ErrorCode, errorBody, ERRORS, isErrorCode } from "../../../shared/errors.ts";
import { MAX_RETRY_AFTER_SECONDS, RETRY_AFTER_SECONDS } from "../../../shared/limits.ts";
import type { PaymentRefusal } from "../../../shared/protocol/refusal.ts";
import { refusedSettlement } from "../../../shared/settlement/facilitator.ts";
import { unixNow } from "../../../shared/time.ts";
import { encodeHeader, PAYMENT_ERROR, PAYMENT_REQUIRED, PAYMENT_RESPONSE } from "../../../shared/x402/headers.ts";
import type { PaymentRequired, SettleResponse } from "../../../shared/x402/x402.ts";
import { paymentPage } from "./page.ts";
import type { Challenge, PaidRequest, Refusal } from "./types.ts";

/** The 402 of a request without a payment. It is already encoded. */
export function challengeResponse({ headers, body }: Challenge): Response {
  return new Response(body, { status: ERRORS.payment_required.status, headers });
}

/** After these the buyer should present the same payment again, not make a new one. */
const RETRY_LATER: ReadonlySet<ErrorCode> = new Set([
  "payment_in_progress",
  "settlement_pending",
  "facilitator_unavailable",
  "overloaded",
  "rate_limited",
  "nonce_ahead",
  "payer_busy",
]);

export function refuseRequest(refusal: Refusal) {
  return { answered: false, code: refusal.code, response: refusalResponse(refusal), receipt: refusal.receipt } as const;
}

function refusalResponse({ code, detail, challenge, offerAgain = false, receipt, html = false }: Refusal): Response {
  const { status } = ERRORS[code];
  const headers = new Headers({ "Cache-Control": "no-store", [PAYMENT_ERROR]: code });
  const required: PaymentRequired | undefined = challenge && { ...challenge.required, error: code };
  if (challenge && required && offerAgain) {
    headers.set(PAYMENT_REQUIRED, code === "payment_required" ? challenge.header : encodeHeader(required));
  }
  if (receipt) headers.set(PAYMENT_RESPONSE, encodeHeader(receipt));
  const wait = RETRY_LATER.has(code) ? secondsToNextTry(receipt) : secondsToNextPeriod(code, receipt);
  if (wait !== undefined) headers.set("Retry-After", String(wait));
  if (html && required) {
    headers.set("Content-Type", "text/html; charset=utf-8");
    return new Response(paymentPage(required), { status, headers });
  }
  return Response.json({ ...required, ...errorBody(code, detail) }, { status, headers });
}

/** What the facilitator knows of its chain, or our default. */
function secondsToNextTry(receipt: SettleResponse | undefined): number {
  const said = Number(receipt?.extra?.["retryAfterSeconds"]);
  return said >= 1 ? Math.min(Math.ceil(said), MAX_RETRY_AFTER_SECONDS) : RETRY_AFTER_SECONDS;
}

/** When a period of the mandate makes room again; undefined if no period was exceeded. */
function secondsToNextPeriod(code: ErrorCode, receipt: SettleResponse | undefined): number | undefined {
  const renewsAt = receipt?.extra?.["renewsAt"];
  if (code !== "mandate_exceeded" || !Number.isSafeInteger(renewsAt)) return undefined;
  return Math.max(Number(renewsAt) - unixNow(), 1);
}

/** The facilitator refused the payment. New terms go along if a new payment can help and our terms are not the stale ones. */
export function passOnRefusal({ challenge, presented }: PaidRequest, refusal: PaymentRefusal, receipt?: SettleResponse) {
  const { code, payer, detail, facilitatorReason } = refusal;
  // With an internal error the merchant is the one who must act: a new payment would not help.
  if (code === "ledger_mismatch" || code === "internal_error" || RETRY_LATER.has(code)) return refuseRequest({ code });
  const { network } = presented.offer;
  const refused = receipt ?? { ...refusedSettlement(refusal, payer), network, ...(facilitatorReason && { extra: { facilitatorReason } }) };
  return refuseRequest({ code, detail, challenge, offerAgain: true, receipt: refused });
}

/** The money did not move, or its outcome is unknown; the receipt says which. */
export function refuseUnsettled({ challenge }: PaidRequest, receipt: SettleResponse) {
  return refuseRequest({ code: settlementCode(receipt), challenge, receipt });
}

/** The goods must not leave: discards them, and refuses. */
export function withholdResponse({ c }: PaidRequest, refusal: Refusal) {
  c.res.body?.cancel().catch(() => undefined);
  return refuseRequest(refusal);
}

/** Discards the handler's response with its headers, since it was not paid for, and refuses. */
export function discardResponse(request: PaidRequest, receipt: SettleResponse) {
  return withholdResponse(request, { code: settlementCode(receipt), challenge: request.challenge, receipt });
}

/** Another operator's facilitator may use its own reasons; buyers see ours only. */
export function settlementCode({ errorReason }: SettleResponse): ErrorCode {
  return isErrorCode(errorReason) ? errorReason : "unexpected_settle_error";
}

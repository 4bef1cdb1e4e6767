/**
 * Classifies the answer to a paid request. The rule behind every branch: once the payment has left, only a definite refusal
 * counts as "not paid"; everything uncertain is `unknown`.
 */

import * as z from "zod";
import { type Digest, digestSchema } from "../../shared/crypto/digest.ts";
import { type ErrorCode, ERRORS, isErrorCode } from "../../shared/errors.ts";
import { OF_TIME } from "../../shared/exact/verify.ts";
import { UPTO } from "../../shared/lez.ts";
import { MAX_FACILITATOR_BODY_BYTES, MAX_FOREIGN_HEADER_BYTES } from "../../shared/limits.ts";
import { type Charge, chargeSchema } from "../../shared/protocol/amount.ts";
import { type PaymentWords, settlementOf } from "../../shared/protocol/native-payment.ts";
import { parseJson } from "../../shared/text/json.ts";
import { clockInDetail, unixNow } from "../../shared/time.ts";
import { decodeHeader, PAYMENT_ERROR, PAYMENT_REQUIRED, PAYMENT_RESPONSE } from "../../shared/x402/headers.ts";
import { paymentRequiredSchema, type SettleResponse, settleResponseSchema } from "../../shared/x402/x402.ts";
import { type Clocks, clocksAt } from "../runtime/clocks.ts";
import { isRedirect, type ResponseHead } from "../runtime/exchange.ts";
import type { Ledgers, Presented, Receipt } from "./payment-outcome.ts";

/** Codes that leave open whether it was paid. A copy that is still in progress may yet settle. */
const UNKNOWN: ReadonlySet<ErrorCode> = new Set([
  "settlement_pending",
  "payment_in_progress",
  "unexpected_settle_error",
  "answer_not_stored", // without its receipt
]);
/** Codes that say: nothing happened, try again later. */
const BUSY: ReadonlySet<ErrorCode> = new Set(["rate_limited", "overloaded", "facilitator_unavailable", "nonce_ahead", "payer_busy"]);
/** Codes about the resource and not about the payment. */
const RESOURCE: ReadonlySet<ErrorCode> = new Set([
  "handler_timeout",
  "internal_error",
  "charge_exceeded",
  "not_found",
  "payload_too_large",
]);
/** A merchant that asks for a longer pause is not believed. */
const MAX_RETRY_AFTER_SECONDS = 9999;
/** Statuses of proxies and gateways, which do not know what the merchant did. */
const isGatewayStatus = (status: number) => [408, 502, 503, 504].includes(status) || (status >= 520 && status <= 530);

/** An answer of which the body is absent if it was delivered: then only status, headers and ending count. */
export type Answer = Pick<ResponseHead, "status" | "headers"> & { complete: boolean; problem?: string; body?: unknown };

export function classifyResponse(response: Answer, authorization: PaymentWords): Presented {
  const header = response.headers[PAYMENT_RESPONSE.toLowerCase()];
  const settled = header === undefined ? undefined : decodeHeader(header, settleResponseSchema, MAX_FOREIGN_HEADER_BYTES);
  if (settled?.ok && settled.value.success) return classifyReceipt(settled.value, response, authorization);
  if (!isDelivered(response)) {
    const { network, ledger, native } = authorization;
    return classifyRefusal(response, settled?.ok ? settled.value : undefined, {
      transaction: ownTransaction(authorization),
      network,
      ledger,
      onChain: native !== undefined,
    });
  }
  const found = settled?.ok
    ? "a receipt that says it was not paid"
    : settled
      ? `a receipt that cannot be read (${settled.problem})`
      : "no receipt";
  return { kind: "receipt_missing", status: response.status, found };
}

/** @param interrupted the user stopped this run, so it is uncertain how far the payment got */
export function classifySilence(
  { reached, problem }: { reached: boolean; problem: string },
  url: string,
  interrupted: boolean,
): Presented & { kind: "interrupted" | "not_sent" | "unknown" } {
  const { host } = new URL(url);
  if (interrupted) return { kind: "interrupted", reached };
  if (!reached) return { kind: "not_sent", host, problem };
  return { kind: "unknown", why: `${host} gave no answer: ${problem}.`, retryAfter: undefined };
}

export function isDelivered({ status }: Pick<Answer, "status">): boolean {
  return status >= 200 && status < 300;
}

function classifyReceipt(stated: SettleResponse, response: Answer, authorization: PaymentWords): Presented {
  const fields = [
    stated.network !== authorization.network && "network",
    stated.payer && stated.payer !== authorization.from && "payer",
    stated.amount && !isAtMost(stated.amount, authorization.value) && "amount",
    // The transaction follows from what was signed: a receipt with another one is for another payment.
    stated.transaction !== ownTransaction(authorization) && "transaction",
  ].filter((field) => typeof field === "string" && field !== "") as string[];
  if (fields.length > 0) return { kind: "receipt_differs", fields };
  const charged = authorization.scheme === UPTO ? stated.amount : undefined;
  const receipt: Receipt = {
    transaction: stated.transaction,
    network: stated.network,
    payer: authorization.from,
    amount: stated.amount ?? authorization.value,
    ...(charged && { charged: charged as Charge }),
  };
  if (response.headers[PAYMENT_ERROR.toLowerCase()] === "answer_not_stored") return { kind: "paid_not_kept", receipt };
  if (isDelivered(response)) {
    if (response.complete) return { kind: "paid", receipt };
    return { kind: "answer_incomplete", receipt, problem: response.problem ?? "it broke off", rest: "gone" };
  }
  return { kind: "paid_no_answer", receipt, status: response.status, retryAfter: retryAfterOf(response) };
}

function isAtMost(amount: string, limit: string): boolean {
  return chargeSchema.safeParse(amount).success && BigInt(amount) <= BigInt(limit);
}

function ownTransaction(authorization: PaymentWords): string {
  return settlementOf(authorization);
}

export type Unpaid = Exclude<Presented, { kind: "paid" }>;

/** What the refusal of a payment is compared with. */
export interface RefusedPayment {
  /** Of an authorization its transaction, of a voucher its name. */
  transaction: string;
  network: string;
  ledger?: Digest | undefined;
  /** A transfer on the chain itself, where pending is how every payment begins. */
  onChain?: boolean;
}

export function classifyRefusal(response: Answer, settled: SettleResponse | undefined, payment: RefusedPayment): Unpaid {
  const { status, headers } = response;
  const retryAfter = retryAfterOf(response);
  const code = settled?.errorReason ?? refusalCode(response);
  if (asksAgain(status, code)) return { kind: "payment_required", status };
  if (isErrorCode(code)) {
    if (code === "settlement_pending" && payment.onChain) return { kind: "pending", transaction: payment.transaction, retryAfter };
    if (UNKNOWN.has(code)) return { kind: "unknown", why: `The merchant says: ${ERRORS[code].message} (${code})`, retryAfter };
    if (code === "nonce_replayed") return classifyReplay(status, settled?.extra?.["transaction"], payment);
    if (code === "payment_refunded") return { kind: "given_back", status };
    if (code === "payment_identifier_conflict") return { kind: "identifier_conflict", status };
    if (BUSY.has(code)) return { kind: "busy", code, status, retryAfter };
    if (RESOURCE.has(code)) return { kind: "resource_failed", code, status, retryAfter };
    const clocks = OF_TIME.has(code) ? clocksOf(response) : undefined;
    const ledgers = code === "ledger_mismatch" ? ledgersOf(response, payment) : undefined;
    return { kind: "refused", code, status, retryAfter, ...(clocks && { clocks }), ...(ledgers && { ledgers }) };
  }
  if (status === 402) {
    // Foreign merchants have codes of their own.
    const foreign = code !== undefined && /^[a-z0-9_]{1,64}$/.test(code) ? code : "payment_rejected";
    return { kind: "refused", code: foreign, status, retryAfter };
  }
  if (isRedirect(status)) return { kind: "redirected", status, location: headers["location"] };
  if (isGatewayStatus(status)) return { kind: "unknown", why: `The answer was lost on the way: HTTP ${status}.`, retryAfter };
  return { kind: "resource_failed", code: undefined, status, retryAfter };
}

/** The 402 of a request without a payment: no reason, our code for that, or the official packages' words. */
function asksAgain(status: number, code: string | undefined): boolean {
  return code === "payment_required" || (status === 402 && (code === undefined || code === "Payment required"));
}

/**
 * "Used before" is proof of payment only with this payment's own transaction.
 * @param usedBy the transaction that the merchant names
 */
function classifyReplay(status: number, usedBy: unknown, { transaction }: RefusedPayment): Unpaid {
  if (usedBy === transaction) return { kind: "paid_before", status, transaction };
  return { kind: "nonce_used", status, usedBy: digestSchema.safeParse(usedBy).data };
}

/** Seconds from now, whether the merchant named seconds or a date. */
export function retryAfterOf({ headers }: Pick<Answer, "headers">): number | undefined {
  const value = headers["retry-after"] ?? "";
  const seconds = /^[0-9]{1,4}$/.test(value) ? Number(value) : Math.ceil((Date.parse(value) - Date.now()) / 1000);
  return seconds >= 0 && seconds <= MAX_RETRY_AFTER_SECONDS ? seconds : undefined;
}

const detailSchema = z.looseObject({ problem: z.looseObject({ detail: z.string() }) });

/** The merchant's clock: by the Date of its answer, or by what its facilitator says. */
function clocksOf({ headers, body }: Answer): Clocks | undefined {
  const parsed = body instanceof Uint8Array ? parseJson(body, MAX_FACILITATOR_BODY_BYTES, detailSchema) : undefined;
  const there = parsed?.ok ? clockInDetail(parsed.value.problem.detail) : undefined;
  return there === undefined ? clocksAt(headers) : { here: unixNow(), there };
}

/** The payment's ledger, and the merchant's as far as its new terms name one. */
function ledgersOf({ headers }: Answer, { ledger, network }: RefusedPayment): Ledgers | undefined {
  if (ledger === undefined) return undefined;
  const required = decodeHeader(headers[PAYMENT_REQUIRED.toLowerCase()] ?? "", paymentRequiredSchema, MAX_FOREIGN_HEADER_BYTES);
  const offers = required.ok ? required.value.accepts.filter((offer) => offer.network === network) : [];
  const named = offers.map(({ extra }) => digestSchema.safeParse(extra?.["ledger"]).data).find((each) => each !== undefined);
  return { payment: ledger, ...(named !== undefined && { merchant: named }) };
}

const errorBodySchema = z.looseObject({ error: z.string() });

function refusalCode({ status, headers, body }: Answer): string | undefined {
  const named = headers[PAYMENT_ERROR.toLowerCase()];
  if (named !== undefined) return named;
  const challenge = headers[PAYMENT_REQUIRED.toLowerCase()];
  const required = challenge === undefined ? undefined : decodeHeader(challenge, paymentRequiredSchema, MAX_FOREIGN_HEADER_BYTES);
  if (required?.ok && required.value.error) return required.value.error;
  // A handler's own JSON may have an `error` too; only a code of the protocol, or a 402's body, speaks of the payment.
  if (!(body instanceof Uint8Array)) return undefined;
  const parsed = parseJson(body, MAX_FACILITATOR_BODY_BYTES, errorBodySchema);
  return parsed.ok && (status === 402 || isErrorCode(parsed.value.error)) ? parsed.value.error : undefined;
}

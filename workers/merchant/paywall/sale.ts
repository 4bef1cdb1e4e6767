/**
 * One paid request: hold the payer's money, run the handler, capture, answer. Each step can fail, die or get no
 * answer; what then happens is said beside it.
 */
import type { Context, Next } from "hono";
import type { Reservation, SettleResult } from "../../../shared/backend.ts";
import { bytesToHex, randomBytes } from "../../../shared/bytes.ts";
import type { Digest } from "../../../shared/digest.ts";
import type { ErrorCode } from "../../../shared/errors.ts";
import { settleFailure, settleSuccess } from "../../../shared/facilitator.ts";
import { encodeHeader, PAYMENT_RESPONSE } from "../../../shared/headers.ts";
import { CAPTURE_ATTEMPTS } from "../../../shared/limits.ts";
import { logEvent } from "../../../shared/log.ts";
import type { PaymentPayload, SettleResponse } from "../../../shared/x402.ts";
import { refusalResponse } from "./answers.ts";
import type { Challenge } from "./challenge.ts";
import { ask, type PaywallFacilitator } from "./facilitator.ts";
import type { PaywallEnv } from "./options.ts";
import { type PendingCapture, rememberCapture, takeCapture } from "./pending-captures.ts";
import { outlive, runHandler } from "./run.ts";

export interface Sale {
  c: Context<PaywallEnv>;
  next: Next;
  facilitator: PaywallFacilitator;
  challenge: Challenge;
  payment: PaymentPayload;
  traceId: string;
}

export type SaleResult =
  /** The handler's response stands in `c.res` and may go out. */
  | { answered: true; code?: ErrorCode }
  /** This goes out instead. */
  | { answered: false; response: Response; code: ErrorCode };

export async function serve(sale: Sale): Promise<SaleResult> {
  const { facilitator, challenge, payment, traceId } = sale;
  const unfinished = takeCapture(payment);
  if (unfinished) {
    const resumed = await resume(sale, unfinished);
    if (resumed) return resumed;
  }

  const reservationId = bytesToHex(randomBytes(32)) as Digest;
  const reserved = await ask(facilitator.reserve(payment, challenge.offer, challenge.fingerprint, reservationId, traceId));
  // Perhaps the hold was made and its answer lost: it frees itself, and the same payment can be presented again.
  if (!reserved) return refuse("facilitator_unavailable");
  if (!reserved.ok) {
    const { code } = reserved;
    // The terms we hold are stale as well; the next request gets fresh ones.
    if (code === "ledger_mismatch" || code === "payment_in_progress" || code === "overloaded") return refuse(code);
    const { payer, transaction, detail } = "payer" in reserved ? reserved : { ...reserved, payer: undefined, detail: undefined };
    const receipt = settleFailure(code, payer, transaction);
    return { answered: false, code, response: refusalResponse({ code, detail, challenge, offerAgain: true, receipt }) };
  }

  const { reservation, transaction } = reserved;
  const outerHeaders = new Headers(sale.c.res.headers);
  const failed = await run(sale, reservation, transaction);
  if (failed) return failed;

  const captured = await capture(sale, reservation);
  if (!captured) {
    rememberCapture(payment, { reservation, transaction });
    return withhold(sale, outerHeaders, "settlement_pending", { ...settleFailure("settlement_pending", reservation.payer), transaction });
  }
  if (!captured.ok)
    return withhold(sale, outerHeaders, captured.code, settleFailure(captured.code, reservation.payer, captured.transaction));
  return deliver(sale, captured);
}

/** Runs the handler under the hold. undefined: it delivered. */
async function run(sale: Sale, reservation: Reservation, transaction: string): Promise<SaleResult | undefined> {
  const { c, next, facilitator, challenge, traceId } = sale;
  const release = () => ask(facilitator.release(reservation, traceId));
  const abort = new AbortController();
  c.set("payment", { id: transaction, payer: reservation.payer, amount: challenge.offer.amount, signal: abort.signal });
  const result = await runHandler(c, next, abort);
  switch (result.outcome) {
    case "delivered":
      return undefined;
    case "failed":
      // The buyer reads that nothing was paid, so the money is free before the answer leaves.
      await release();
      return { answered: true };
    case "threw":
      await release();
      throw result.error;
    default:
      // The hold stays while the handler does: a second run may not begin beside the first.
      outlive(c, result.over.then(release));
      return refuse("handler_timeout");
  }
}

/** Capturing twice is capturing once, so an answer that got lost is asked for again. undefined: still unknown. */
async function capture({ facilitator, traceId }: Sale, reservation: Reservation): Promise<SettleResult | undefined> {
  for (let attempt = 1; attempt <= CAPTURE_ATTEMPTS; attempt++) {
    const captured = await ask(facilitator.capture(reservation, traceId));
    if (captured) return captured;
  }
  return undefined;
}

/**
 * The same payment again, after a capture without an answer. When the money did move, the handler runs again and its
 * answer is delivered. undefined: the hold is gone and nothing was paid, so the payment starts over.
 */
async function resume(sale: Sale, unfinished: PendingCapture): Promise<SaleResult | undefined> {
  const { c, next, challenge, payment } = sale;
  const { reservation, transaction } = unfinished;
  const captured = await capture(sale, reservation);
  if (!captured) {
    rememberCapture(payment, unfinished);
    const receipt = { ...settleFailure("settlement_pending", reservation.payer), transaction };
    return { answered: false, code: "settlement_pending", response: refusalResponse({ code: "settlement_pending", challenge, receipt }) };
  }
  if (!captured.ok) return undefined;
  const abort = new AbortController();
  c.set("payment", { id: transaction, payer: reservation.payer, amount: challenge.offer.amount, signal: abort.signal });
  const result = await runHandler(c, next, abort);
  // Paid for and not delivered: the same payment may try once more.
  if (result.outcome !== "delivered") rememberCapture(payment, unfinished);
  if (result.outcome === "threw") throw result.error;
  return result.outcome === "late" ? refuse("handler_timeout") : deliver(sale, captured);
}

function deliver({ c }: Sale, captured: Extract<SettleResult, { ok: true }>): SaleResult {
  c.header(PAYMENT_RESPONSE, encodeHeader(settleSuccess(captured)));
  c.header("Cache-Control", "private, no-store");
  return { answered: true };
}

/** The handler ran, and what it made is thrown away, headers and all: it was not paid for. */
function withhold({ c, challenge }: Sale, outerHeaders: Headers, code: ErrorCode, receipt: SettleResponse): SaleResult {
  void c.res.body?.cancel();
  const response = refusalResponse({ code, challenge, receipt });
  for (const [name, value] of outerHeaders) if (!response.headers.has(name)) response.headers.append(name, value);
  return { answered: false, code, response };
}

function refuse(code: ErrorCode): SaleResult {
  return { answered: false, code, response: refusalResponse({ code }) };
}

export function logSale({ traceId, c }: Sale, result: SaleResult): void {
  const event = result.answered ? (c.res.ok ? "payment.delivered" : "payment.released") : "payment.refused";
  logEvent(event, { traceId, path: c.req.path, status: result.answered ? c.res.status : result.response.status, code: result.code });
}

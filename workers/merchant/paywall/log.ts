/** What the paywall logs: one line for each payment presented. A request for the price leaves none. */

import type { Context } from "hono";
import { keepNewest } from "../../../shared/bounded.ts";
import { MAX_LOGGED_FAULTS } from "../../../shared/limits.ts";
import { type LogEvent, logEvent, type LogFields, traceIdFrom } from "../../../shared/log.ts";
import { unixNow } from "../../../shared/time.ts";
import { TRACE_ID } from "../../../shared/x402/headers.ts";
import type { PaywallEnv, PresentedPayment, ServeResult } from "./types.ts";

/** @param presented absent if the payment could not be read */
export function logPayment(c: Context<PaywallEnv>, result: ServeResult, presented?: PresentedPayment): void {
  if (result.answered && result.flows) return;
  const { status } = result.answered ? c.res : result.response;
  const code = result.answered ? undefined : result.code;
  const event = eventOf(result);
  const ran = result.owed || (result.answered && result.delivered);
  const transaction = ran ? c.get("payment").id : !result.answered && result.transaction ? result.transaction : undefined;
  // Of a delivered payment the offered amount is the one that was signed, and is read already.
  const amount = event === "payment.delivered" ? (result.charged ?? presented?.offer.amount) : undefined;
  const payer = code && presented?.facts?.payer; // claimed by the payment, perhaps not verified
  logEvent(event, { traceId: traceOf(c), path: c.req.path, status, code, payer, transaction, amount });
}

function eventOf(result: ServeResult): LogEvent {
  if (!result.answered && result.event) return result.event;
  if (result.owed) return "payment.owed";
  if (!result.answered && result.code) return "payment.refused";
  if (result.answered && !result.delivered) return "payment.released";
  return result.again ? "payment.redelivered" : "payment.delivered";
}

const loggedAt = new Map<string, number>();

/** Logs one line per event and key, and minute: a fault that stays does not fill the log. */
export function logOnceAMinute(event: LogEvent, key: string, fields: LogFields): void {
  const now = unixNow();
  const entry = `${event} ${key}`;
  if (now - (loggedAt.get(entry) ?? -Infinity) < 60) return;
  keepNewest(loggedAt, entry, now, MAX_LOGGED_FAULTS);
  logEvent(event, fields);
}

/** This request's trace id: the caller's, if it sent one. */
export function traceOf(c: Context<PaywallEnv>): string {
  const traceId = c.get("traceId") ?? traceIdFrom(c.req.header(TRACE_ID), c.req.header("traceparent"));
  c.set("traceId", traceId);
  return traceId;
}

/** Structured logs: one line, one event name, one trace. Never a payment header, a signature or a reason. Each line is a data point, too. */

import type { ErrorCode } from "./errors.ts";
import { measure } from "./metrics.ts";

/** Every event. spec/operation.md says what each means, and which of them should wake a person. */
export type LogEvent =
  | "payment.delivered"
  | "payment.redelivered"
  | "payment.released"
  | "payment.refused"
  | "payment.owed"
  | "payment.answer_broke_off"
  | "payment.answer_spent"
  | "paywall.function_failed"
  | "paywall.misconfigured"
  | "paywall.misspelt_binding"
  | "paywall.not_offered"
  | "merchant.failed"
  | "deliveries.unsupported_schema"
  | "webhook.failed"
  | "webhook.undelivered"
  | "webhook.refused"
  | "webhook.gone"
  | "webhook.expired"
  | "webhook.unsupported_schema"
  | "refund.made"
  | "refund.owed"
  | "refund.failed"
  | "session.closing"
  | "session.claimed"
  | "session.claim_failed"
  | "session.not_reported"
  | "session.unsupported_schema"
  | "sales.not_recorded"
  | "facilitator.fault"
  | "facilitator.refused"
  | "facilitator.refund"
  | "facilitator.transfer"
  | "facilitator.open"
  | "facilitator.claim"
  | "facilitator.withdraw"
  | "facilitator.reserve"
  | "facilitator.capture"
  | "facilitator.settle"
  | "facilitator.verify"
  | "facilitator.failed"
  | "facilitator.native_failed"
  | "native.alert"
  | "native.chain"
  | "native.failed"
  | "native.settle"
  | "native.journal"
  | "discovery.failed"
  | "devnet.failed"
  | "desk.failed"
  | "desk.misconfigured"
  | "notice.failed"
  | "notice.undelivered"
  | "desk.unsupported_schema"
  | LedgerEvent
  | "ledger.set_clock"
  | "ledger.retire"
  | "ledger.restore"
  | "ledger.alarm_failed"
  | "ledger.group_failed"
  | "ledger.delivery_failed"
  | "ledger.batch_refused"
  | "ledger.unsupported_schema"
  | "clock.jumped";

/** Commands of the ledger. */
export type LedgerEvent =
  | "ledger.reserve"
  | "ledger.capture"
  | "ledger.release"
  | "ledger.settle"
  | "ledger.refund"
  | "ledger.open_session"
  | "ledger.claim_session"
  | "ledger.withdraw_session"
  | "ledger.cancel"
  | "ledger.revoke"
  | "ledger.checkpoint"
  | "ledger.fund"
  | "ledger.issue"
  | "ledger.void_accesses";

export interface LogFields {
  /** The trace: an id that follows one request through all Workers. Empty where no request is behind the event. */
  traceId: string;
  code?: ErrorCode | undefined;
  /** Atomic units. */
  amount?: string | undefined;
  [field: string]: string | number | boolean | undefined;
}

export function logEvent(event: LogEvent, fields: LogFields): void {
  console.log(JSON.stringify({ event, ...fields }));
  measure(event, fields);
}

/** 32 hex digits, as in W3C trace context. */
export function newTraceId(): string {
  return crypto.randomUUID().replaceAll("-", "");
}

/**
 * The caller's trace id if it sent one, else a new one.
 * @param header X-Trace-Id
 * @param traceparent of a caller that traces by W3C trace context instead
 */
export function traceIdFrom(header: string | undefined, traceparent = ""): string {
  const [, parent] = /^[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/.exec(traceparent) ?? [];
  return isTraceId(header) ? header : (parent ?? newTraceId());
}

export function isTraceId(value: unknown): value is string {
  return typeof value === "string" && /^[0-9a-f]{32}$/.test(value);
}

/** Structured logs: one line, one event name, one trace id. Never a payment header, a signature or a reason. */

export interface LogFields {
  /** The id that follows one request through all Workers. */
  traceId: string;
  [field: string]: string | number | boolean | undefined;
}

export function logEvent(event: string, fields: LogFields): void {
  console.log(JSON.stringify({ event, ...fields }));
}

/** 32 hex digits, as in W3C trace context. */
export function newTraceId(): string {
  return crypto.randomUUID().replaceAll("-", "");
}

/** The caller's trace id if it sent one, else a new one. */
export function traceIdFrom(header: string | undefined): string {
  return isTraceId(header) ? header : newTraceId();
}

export function isTraceId(value: unknown): value is string {
  return typeof value === "string" && /^[0-9a-f]{32}$/.test(value);
}

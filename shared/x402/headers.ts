/** The three x402 headers: JSON in base64. spec/protocol.md §8. */

import type * as z from "zod/mini";
import { fromBase64, toBase64, utf8 } from "../crypto/bytes.ts";
import { MAX_HEADER_BYTES } from "../limits.ts";
import { type Parsed, parseJson } from "../text/json.ts";

export const PAYMENT_REQUIRED = "PAYMENT-REQUIRED";
export const PAYMENT_SIGNATURE = "PAYMENT-SIGNATURE";
export const PAYMENT_RESPONSE = "PAYMENT-RESPONSE";
/** The bare error code, for clients that read headers only. */
export const PAYMENT_ERROR = "X-Payment-Error";
/** The trace id: one for everything that a request causes in three Workers. */
export const TRACE_ID = "X-Trace-Id";

/** Standard padded base64 of the JSON text. */
export function encodeHeader(value: unknown): string {
  return toBase64(utf8(JSON.stringify(value)));
}

/** Reads one header as clients send it. Never throws. */
export function decodeHeader<Schema extends z.core.$ZodType>(
  header: string,
  schema: Schema,
  maxBytes: number = MAX_HEADER_BYTES,
): Parsed<z.core.output<Schema>> {
  if (header.length > maxBytes) return { ok: false, code: "payload_too_large", problem: `header larger than ${maxBytes} bytes` };
  const bytes = fromBase64(header.trim());
  if (!bytes) return { ok: false, code: "invalid_payload", problem: "not base64" };
  return parseJson(bytes, maxBytes, schema);
}

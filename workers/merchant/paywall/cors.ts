/** CORS for priced routes: browsers may read the terms and the receipt, and send a payment. */

import type { MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import { PAYMENT_ERROR, PAYMENT_REQUIRED, PAYMENT_RESPONSE, PAYMENT_SIGNATURE, TRACE_ID } from "../../../shared/x402/headers.ts";

/** Those of `cors()` of Hono. Headers that are named come beside the protocol's. */
export type PaywallCorsOptions = Partial<NonNullable<Parameters<typeof cors>[0]>>;

/**
 * Mount it before the paywalls, on every path that has one. It answers preflights, which are never charged.
 * @throws {TypeError} for credentials without an origin, which no browser accepts
 */
export function paywallCors(options: PaywallCorsOptions = {}): MiddlewareHandler {
  const { origin = "*", credentials, exposeHeaders = [], allowHeaders = [] } = options;
  if (credentials && origin === "*") throw new TypeError('paywallCors: credentials need an origin other than "*"');
  return cors({
    ...options,
    origin,
    exposeHeaders: [PAYMENT_REQUIRED, PAYMENT_RESPONSE, PAYMENT_ERROR, TRACE_ID, "Retry-After", ...exposeHeaders],
    // The last of ours is a response header, but the official fetch client sends it with its payment.
    allowHeaders: [PAYMENT_SIGNATURE, TRACE_ID, "SIGN-IN-WITH-X", "Content-Type", "Access-Control-Expose-Headers", ...allowHeaders],
  });
}

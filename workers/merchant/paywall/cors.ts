/** CORS for priced routes: browsers may read the terms and the receipt, and send a payment. */

import type { MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import { PAYMENT_ERROR, PAYMENT_REQUIRED, PAYMENT_RESPONSE, PAYMENT_SIGNATURE, TRACE_ID } from "../../../shared/x402/headers.ts";

/** Mount it before the paywalls, on every path that has one. It answers preflights, which are never charged. */
export function paywallCors(): MiddlewareHandler {
  return cors({
    origin: "*",
    exposeHeaders: [PAYMENT_REQUIRED, PAYMENT_RESPONSE, PAYMENT_ERROR, TRACE_ID],
    // The last one is a response header, but the official fetch client sends it with its payment.
    allowHeaders: [PAYMENT_SIGNATURE, TRACE_ID, "SIGN-IN-WITH-X", "Content-Type", "Access-Control-Expose-Headers"],
  });
}

/** What the paywall logs: a line for each payment that was presented. Who only asks for the price leaves none. */
import type { Context } from "hono";
import { TRACE_ID } from "../../../shared/x402/headers.ts";
import { logEvent, traceIdFrom } from "../../../shared/log.ts";
import type { PaywallEnv } from "./options.ts";
import type { Order } from "./order.ts";
import type { SaleResult } from "./sale.ts";

/** @param order absent where the payment could not be read */
export function logPayment(c: Context<PaywallEnv>, result: SaleResult, order?: Order): void {
  const delivered = result.answered && result.delivered;
  const { status } = result.answered ? c.res : result.response;
  const code = result.answered ? undefined : result.code;
  const event = code ? "payment.refused" : result.answered && !delivered ? "payment.released" : "payment.delivered";
  const transaction = delivered ? c.get("payment").id : undefined;
  const payer = code && order?.exact?.authorization.from; // what it says of itself, verified or not
  logEvent(event, { traceId: traceOf(c), path: c.req.path, status, code, payer, transaction });
}

/** The id of this request's trace, the caller's if it sent one. */
export function traceOf(c: Context<PaywallEnv>): string {
  const traceId = c.get("traceId") ?? traceIdFrom(c.req.header(TRACE_ID));
  c.set("traceId", traceId);
  return traceId;
}

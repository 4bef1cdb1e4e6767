/** Running the paid handler: once, under a deadline, in such a way that a client that hangs up changes nothing. */
import type { Context } from "hono";
import { LATE, withDeadline } from "../../../shared/deadline.ts";
import { HOLD_MARGIN_SECONDS, HOLD_SECONDS } from "../../../shared/limits.ts";
import { logEvent } from "../../../shared/log.ts";
import type { Sale } from "./sale.ts";

export type Run =
  /** The handler answered 2xx; its response is in `c.res`. */
  | { outcome: "delivered" }
  /** It answered something else or nothing, or threw an Error that Hono answered; the response, if any, is in `c.res`. */
  | { outcome: "failed" }
  /** It answered 2xx with a body that somebody has read, or holds: nobody can send that. */
  | { outcome: "spent" }
  /** It threw what Hono does not answer. */
  | { outcome: "threw"; error: unknown }
  /** It is still running, and told to stop; `over` resolves when it has. */
  | { outcome: "late"; over: Promise<void> };

/** The handler's time: the hold's, less a margin in which the capture still meets it. */
export const HANDLER_SECONDS = HOLD_SECONDS - HOLD_MARGIN_SECONDS;

/**
 * @param payment who pays, and the id that stays the same however often this payment runs the handler
 * @param onWait called if the handler takes more than a moment
 */
export async function runHandler(
  { c, next, challenge, order }: Sale,
  payment: { id: string; payer: string },
  onWait?: () => void,
): Promise<Run> {
  const abort = new AbortController();
  c.set("payment", { ...payment, amount: challenge.offer.amount, signal: abort.signal });
  const handler = next();
  try {
    if ((await withDeadline(handler, HANDLER_SECONDS, onWait)) === LATE) {
      abort.abort();
      return { outcome: "late", over: handler.catch(() => undefined) };
    }
  } catch (error) {
    return { outcome: "threw", error };
  }
  // Not finalized: the handler answered nothing, and c.res would make up an empty 200.
  if (!c.finalized || !c.res.ok || c.error) return { outcome: "failed" };
  // Something behind the paywall, a logger perhaps, did not clone it.
  if (c.res.bodyUsed || c.res.body?.locked) {
    logEvent("payment.answer_spent", { traceId: order.traceId, path: c.req.path });
    return { outcome: "spent" };
  }
  return { outcome: "delivered" };
}

/** Keeps `work` alive when the client disconnects. Outside Workers there is nobody to ask. */
export function outlive(c: Context, work: Promise<unknown>): void {
  try {
    c.executionCtx.waitUntil(work);
  } catch {
    // No execution context: Node keeps promises running anyway.
  }
}

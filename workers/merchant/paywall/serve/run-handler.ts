/** Runs the paid handler: once, with a time limit, and independent of whether the client stays connected. */

import type { Context } from "hono";
import { LATE, withDeadline } from "../../../../shared/deadline.ts";
import { HOLD_MARGIN_SECONDS, HOLD_SECONDS } from "../../../../shared/limits.ts";
import { logEvent } from "../../../../shared/log.ts";
import type { PaidRequest, PaymentContext } from "../types.ts";
import { unmetered } from "./charge.ts";

export type HandlerRun =
  /** The handler answered with what was bought; its response is in `c.res`. */
  | { outcome: "delivered" }
  /** It answered something else or nothing, or threw an Error that Hono answered; the response, if any, is in `c.res`. */
  | { outcome: "failed" }
  /** It answered with a body that was read or locked, and can no longer be sent. */
  | { outcome: "spent" }
  /** It threw something that Hono does not answer. */
  | { outcome: "threw"; error: unknown }
  /** It is still running and was told to stop; `over` resolves when it has. */
  | { outcome: "late"; over: Promise<void> };

/** As long as the hold, less a margin in which the capture still finds it. */
export const HANDLER_SECONDS = HOLD_SECONDS - HOLD_MARGIN_SECONDS;

/**
 * @param payment its payer, and an id that stays the same in every run for this payment. `charge`: while its money is held
 * @param onWait called if the handler takes more than a moment
 * @param abort tells the handler to stop
 */
export async function runHandler(
  { c, next, presented, challenge, isDelivered }: PaidRequest,
  payment: { id: string; payer: string; redelivery?: true; charged?: string | undefined; charge?: PaymentContext["charge"] },
  onWait?: () => void,
  abort: Pick<AbortController, "signal" | "abort"> = new LazyAbort(),
): Promise<HandlerRun> {
  wholeGoods(c);
  const { offer, offerIndex } = presented;
  const { scheme, amount } = offer;
  const charge = unmetered(offer, () => isMeteredAt(challenge, offerIndex));
  const told = { redelivery: false, charge, scheme, amount, offer: offerIndex, ...payment };
  c.set("payment", {
    ...told,
    get signal() {
      return abort.signal;
    },
  });
  const handler = next();
  try {
    if ((await withDeadline(handler, HANDLER_SECONDS, onWait)) === LATE) {
      abort.abort();
      return { outcome: "late", over: handler.catch(() => undefined) };
    }
    // Not finalized: the handler returned no response, and reading c.res would create an empty 200.
    if (!c.finalized || c.error || !isDelivered(c.res)) return { outcome: "failed" };
  } catch (error) {
    return { outcome: "threw", error };
  }
  // Middleware behind the paywall, such as a logger, may have read the response without cloning it.
  if (c.res.bodyUsed || c.res.body?.locked) {
    logEvent("payment.answer_spent", { traceId: presented.traceId, path: c.req.path });
    return { outcome: "spent" };
  }
  return { outcome: "delivered" };
}

/** Whether a place in the seller's list has an offer that is charged while its answer flows. */
function isMeteredAt({ offers, places }: PaidRequest["challenge"], place: number): boolean {
  return offers.some(({ extra }, index) => places[index] === place && extra?.["metered"] === true);
}

/** An AbortController that is made when its signal is first asked for: few handlers do, and making one takes as long as a handler. */
class LazyAbort {
  #controller: AbortController | undefined;
  #isAborted = false;

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#isAborted) this.#controller.abort();
    return this.#controller.signal;
  }

  abort(): void {
    this.#isAborted = true;
    this.#controller?.abort();
  }
}

/** A payment buys the whole answer, so the handler does not see that the buyer asked for a part. */
function wholeGoods(c: Context): void {
  if (!c.req.raw.headers.has("Range")) return;
  const headers = new Headers(c.req.raw.headers);
  headers.delete("Range");
  headers.delete("If-Range");
  c.req.raw = new Request(c.req.raw, { headers });
}

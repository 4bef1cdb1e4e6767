/** Runs a handler whose payer's money is kept for it: until it delivers, and for what it charges. */

import { writableHeaders } from "../caching.ts";
import { keepAlive } from "../keep-alive.ts";
import { refuseRequest } from "../responses.ts";
import { logSellerFault } from "../seller-function.ts";
import type { Charged, PaidRequest, ServeResult } from "../types.ts";
import type { Meter } from "./charge.ts";
import { runHandler } from "./run-handler.ts";

/** The handler delivered, and its answer waits in `c.res`. Without `charged` it costs the whole amount. */
export type Delivered = { charged?: Charged | undefined };

export interface KeptMoney {
  /** Absent: the handler charges nothing by itself. */
  meter?: Meter | undefined;
  /** Gives the money back. It is called before any answer goes out that says so. */
  release: () => unknown;
  /** Called if the handler takes more than a moment. */
  onWait?: (() => void) | undefined;
  /** Tells the handler to stop. */
  abort?: AbortController | undefined;
}

/** @param payment its payer, and an id that stays the same in every run for this payment */
export async function runMetered(
  request: PaidRequest,
  payment: { id: string; payer: string },
  { meter, release, onWait, abort }: KeptMoney,
): Promise<Delivered | ServeResult> {
  const { c } = request;
  const run = await runHandler(request, { ...payment, ...(meter && { charge: meter.charge }) }, onWait, abort);
  if (run.outcome === "late") {
    // The money is kept until the handler ends, so that no second run starts beside the first.
    keepAlive(c, run.over.then(release));
    return refuseRequest({ code: "handler_timeout" });
  }
  if (meter) takeOverrides(request, meter, run.outcome === "delivered");
  const metered = meter?.close();
  if (run.outcome === "delivered" && metered?.ok !== false) return { charged: metered?.charged };
  // The answer says that nothing was paid, so release the money before it goes out.
  await release();
  if (metered?.ok === false) {
    logSellerFault(c, "charge", metered.error);
    if (c.finalized) c.res.body?.cancel().catch(() => undefined);
    return refuseRequest({ code: metered.code });
  }
  if (run.outcome === "threw") throw run.error;
  if (run.outcome === "spent") return refuseRequest({ code: "internal_error" });
  return { answered: true, delivered: false };
}

/** Handlers that were written for the official middleware name their charge in this header. No buyer sees it. */
const SETTLEMENT_OVERRIDES = "Settlement-Overrides";

function takeOverrides({ c }: PaidRequest, meter: Meter, isDelivered: boolean): void {
  const overrides = c.finalized ? c.res.headers.get(SETTLEMENT_OVERRIDES) : null;
  if (overrides === null) return;
  writableHeaders(c).delete(SETTLEMENT_OVERRIDES);
  if (!isDelivered) return;
  const [, amount = overrides] = /^\{\s*"amount"\s*:\s*"(\d+)"\s*\}$/.exec(overrides) ?? [];
  try {
    meter.charge(amount);
  } catch {
    // The meter remembers what was wrong.
  }
}

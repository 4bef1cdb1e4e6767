/** Goods that were paid under an identifier and are not stored: the handler makes them again, free, while the route redelivers. */

import { randomDigest } from "../../../../shared/crypto/digest.ts";
import { HOLD_SECONDS } from "../../../../shared/limits.ts";
import { encodeHeader, PAYMENT_RESPONSE } from "../../../../shared/x402/headers.ts";
import type { SettleResponse } from "../../../../shared/x402/x402.ts";
import { writableHeaders } from "../caching.ts";
import { withTimeout } from "../facilitator/within-timeout.ts";
import { keepAlive } from "../keep-alive.ts";
import { chargedBy, deliveryKey } from "../presented-payment.ts";
import { refuseRequest } from "../responses.ts";
import type { PaidRequest, ServeResult } from "../types.ts";
import { finishLease } from "./deliver.ts";
import { type RangeRequest, rangeRequestOf, sendRange } from "./range.ts";
import { runHandler } from "./run-handler.ts";

/** One redelivery of a payment at a time. Moves no money: the receipt is the one of the purchase. */
export async function redeliver(request: PaidRequest, receipt: SettleResponse): Promise<ServeResult> {
  const { c } = request;
  const lease = randomDigest();
  const begun = await withTimeout(request.deliveries().begin(deliveryKey(request.presented), lease, HOLD_SECONDS, { state: "delivered" }));
  if (!begun) return refuseRequest({ code: "facilitator_unavailable" });
  if (!begun.granted) return refuseRequest({ code: "payment_in_progress" });
  const end = () => finishLease(request, lease, begun.remembered ?? { state: "delivered" });
  const range = rangeRequestOf(c.req.raw.headers);
  const charged = chargedBy(request.presented, receipt);
  const run = await runHandler(request, { id: receipt.transaction, payer: receipt.payer ?? "", charged, redelivery: true });
  if (run.outcome === "late") {
    keepAlive(c, run.over.then(end));
    return refuseRequest({ code: "handler_timeout", receipt });
  }
  keepAlive(c, end());
  if (run.outcome === "threw") throw run.error;
  if (run.outcome === "spent") return refuseRequest({ code: "internal_error", receipt });
  if (run.outcome === "delivered") sendRequested(request, range);
  writableHeaders(c).set(PAYMENT_RESPONSE, encodeHeader(receipt));
  return { answered: true, delivered: run.outcome === "delivered", again: true };
}

function sendRequested({ c }: PaidRequest, range: RangeRequest | undefined): void {
  const part = range && sendRange(c.res, range);
  if (!part) return;
  c.res = undefined; // otherwise Hono merges the headers of the whole answer in
  c.res = part;
}

/** The events of a sale. */

import type { Context } from "hono";
import { identifierOf } from "../../../../shared/extensions/payment-identifier.ts";
import { MAX_ROUTE_LENGTH } from "../../../../shared/limits.ts";
import { formatTimestamp, unixNow } from "../../../../shared/time.ts";
import type { WebhookEvent } from "../../../../shared/webhooks/event.ts";
import { traceOf } from "../log.ts";
import type { PaywallEnv, PresentedPayment } from "../types.ts";

/** Which payment it is, and what it moved: a settlement's receipt, or what the handler was told. */
interface Paid {
  transaction: string;
  payer: string;
  /** Atomic units. */
  amount: string;
}

export function saleEvent(
  type: "payment.settled" | "payment.undelivered",
  c: Context<PaywallEnv>,
  { payment, offer }: PresentedPayment,
  { transaction, payer, amount }: Paid,
  more: { refund?: { state: string; code?: string } } = {},
): WebhookEvent {
  const { payTo, asset, network, extra } = offer;
  const ledger = extra?.["ledger"];
  const sent = identifierOf(payment.extensions);
  const data = {
    transaction,
    payer,
    payee: payTo,
    amount,
    asset,
    network,
    ...(typeof ledger === "string" && { ledger }),
    route: `${c.req.method} ${c.req.path}`.slice(0, MAX_ROUTE_LENGTH).toWellFormed(),
    ...(sent.ok && sent.id !== undefined && { paymentId: sent.id }),
    traceId: traceOf(c),
    ...more,
  };
  return { type, timestamp: formatTimestamp(unixNow()), data } as WebhookEvent;
}

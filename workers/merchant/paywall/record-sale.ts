/**
 * Records what was sold, beside the answer and never in its way: the sales of a moment go out together, after the answers of their
 * requests. What is lost with an isolate is still in the ledger's journal, as a sale whose route was not recorded.
 */

import type { Context } from "hono";
import { identifierOf } from "../../../shared/extensions/payment-identifier.ts";
import { NETWORK } from "../../../shared/lez.ts";
import { MAX_WAITING_SALES, SALES_BATCH_MILLIS } from "../../../shared/limits.ts";
import { withTimeout } from "./facilitator/within-timeout.ts";
import { keepAlive } from "./keep-alive.ts";
import { logOnceAMinute, traceOf } from "./log.ts";
import { dayOf, type RecordedSale, registerOf } from "./memory/sales-register.ts";
import { soldRoute } from "./sold-route.ts";
import type { DurableNamespace, PaywallEnv, PresentedPayment, ServeResult } from "./types.ts";

interface Waiting {
  payee: string;
  day: number;
  sale: RecordedSale;
}

/** Of this isolate, oldest first. */
let waiting: Waiting[] = [];
const TRUST_MILLIS = 2 * SALES_BATCH_MILLIS;
/** Until then (milliseconds) a timer is trusted to take what waits. */
let trustedUntil = 0;

/** Records the payment if it moved money, or may have. */
export function recordSale(c: Context<PaywallEnv>, result: ServeResult, presented: PresentedPayment | undefined): void {
  const { DELIVERIES } = c.env;
  const status = statusOf(result);
  const facts = presented?.facts;
  if (!DELIVERIES || !status || !facts || result.charged === "0") return;
  const { key, transaction, payer, amount, validAfter } = facts;
  const { network, payTo } = presented.offer;
  const sent = identifierOf(presented.payment.extensions);
  const sale: RecordedSale = {
    transaction,
    key,
    route: soldRoute(c),
    ...(sent.ok && sent.id !== undefined && { paymentId: sent.id }),
    status,
    payer,
    amount: result.charged ?? amount,
    ...(network !== NETWORK && { network }),
  };
  waiting.push({ payee: payTo, day: dayOf(validAfter), sale });
  // One timer a batch: it costs as much as the rest of this. If its request has died with it, a later sale sets another.
  if (isTaken()) return;
  trustedUntil = Date.now() + TRUST_MILLIS;
  const soon = new Promise<void>((resolve) => setTimeout(resolve, SALES_BATCH_MILLIS));
  keepAlive(
    c,
    soon.then(() => flush(DELIVERIES, traceOf(c))),
  );
}

/** Not if the clock was set back meanwhile: nothing would go out until it is there again. */
function isTaken(): boolean {
  const left = trustedUntil - Date.now();
  return left > 0 && left <= TRUST_MILLIS;
}

/** undefined: nothing was sold, or it was recorded before. */
function statusOf(result: ServeResult): RecordedSale["status"] | undefined {
  if (result.owed) return "owed";
  if (result.answered) return result.delivered && !result.again ? "delivered" : undefined;
  if (result.code) return result.code === "settlement_pending" && !result.isClaim ? "pending" : undefined;
  return result.again ? undefined : "delivered";
}

async function flush(namespace: DurableNamespace, traceId: string): Promise<void> {
  const taken = waiting;
  waiting = [];
  trustedUntil = 0;
  const registers = Map.groupBy(taken, ({ payee, day }) => `${payee}/${day}`);
  await Promise.all(
    registers.values().map(async (sales) => {
      const [first] = sales;
      if (!first) return;
      const list = sales.map(({ sale }) => sale);
      const record = async () => registerOf(namespace, first.payee, first.day).recordSales(list, first.day);
      const recorded = await withTimeout(record()).catch(() => undefined);
      if (recorded) return;
      // The next sale tries again, unless the register is full.
      if (recorded === undefined) waiting = [...sales, ...waiting].slice(-MAX_WAITING_SALES);
      logOnceAMinute("sales.not_recorded", String(recorded), { traceId, sales: sales.length, full: recorded === false });
    }),
  );
}

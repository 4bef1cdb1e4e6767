/** Tells the seller what became of a refund: the register of sales, and the webhook. Telling twice changes nothing. */

import { LATE, withDeadline } from "../../../../shared/deadline.ts";
import { FACILITATOR_TIMEOUT_SECONDS } from "../../../../shared/limits.ts";
import { refundTransaction, type SignedRefund } from "../../../../shared/protocol/refund.ts";
import { formatTimestamp, unixNow } from "../../../../shared/time.ts";
import type { WebhookEvent } from "../../../../shared/webhooks/event.ts";
import { logOnceAMinute } from "../log.ts";
import { type RefundRow, signedOf } from "../memory/refund-table.ts";
import { dayOf, type RecordedSale, registerOf, type SaleRefund } from "../memory/sales-register.ts";
import { fromJson } from "../memory/schema.ts";
import type { PaywallBindings, RefundTerms } from "../types.ts";
import { tellWebhook } from "../webhooks/queue.ts";

/** What the seller is told; undefined as long as it is not known whether there is anything to tell. */
export function stateToTell({ state, is_paid: isPaid }: RefundRow): SaleRefund["state"] | undefined {
  if (state === "due") return isPaid ? "due" : undefined;
  return state === "signed" ? "due" : state;
}

/** @returns whether all of it arrived */
export async function tellRefund(env: PaywallBindings, row: RefundRow): Promise<boolean> {
  const terms = fromJson(row.terms);
  const signed = signedOf(row);
  const recorded = record(env, terms, saleRefundOf(row, signed));
  const event = eventOf(row, terms, signed);
  const told = event ? tellWebhook(env, event).catch(() => false) : true;
  const arrived = (await Promise.all([withDeadline(recorded, FACILITATOR_TIMEOUT_SECONDS).catch(() => LATE), told])).map(
    (each) => each === true,
  );
  return arrived.every(Boolean);
}

async function record({ DELIVERIES }: PaywallBindings, terms: RefundTerms, refund: SaleRefund): Promise<boolean> {
  if (!DELIVERIES) return true; // a memory of the seller's own keeps no register
  const { transaction, payer, payee, amount, route, paymentId, validAfter, key, traceId } = terms;
  const sale: RecordedSale = {
    transaction,
    key,
    route,
    ...(paymentId !== undefined && { paymentId }),
    status: "owed",
    payer,
    amount,
    refund,
  };
  const day = dayOf(validAfter);
  const recorded = await registerOf(DELIVERIES, payee, day).recordRefund(sale, day);
  if (!recorded) logOnceAMinute("sales.not_recorded", payee, { traceId, sales: 1, full: true });
  return true; // a full register stays full
}

function saleRefundOf({ state, code }: RefundRow, signed: SignedRefund | undefined): SaleRefund {
  if (state === "made") return { state, ...(signed && { transaction: refundTransaction(signed.refund) }) };
  return state === "owed" && code !== null ? { state, code } : { state: "due" };
}

/** undefined: there is no event of it. The seller's own refund is none of the merchant's. */
function eventOf({ state, code }: RefundRow, terms: RefundTerms, signed: SignedRefund | undefined): WebhookEvent | undefined {
  const { transaction, payer, payee, amount, asset, network, ledger, request: route, paymentId, traceId } = terms;
  const common = { asset, network, ...(ledger && { ledger }), route, traceId };
  const timestamp = formatTimestamp(unixNow());
  if (state === "made" && signed) {
    // The buyer is paid.
    const { refund } = signed;
    const data = {
      transaction: refundTransaction(refund),
      payer: payee,
      payee: payer,
      amount: refund.amount,
      ...common,
      refundOf: transaction,
    };
    return { type: "payment.refunded", timestamp, data };
  }
  if (state !== "owed") return undefined;
  const refund = { state, ...(code !== null && { code }) };
  const data = { transaction, payer, payee, amount, ...common, ...(paymentId !== undefined && { paymentId }), refund };
  return { type: "payment.undelivered", timestamp, data };
}

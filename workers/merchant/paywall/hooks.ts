/** Tells the seller what became of a payment, once its answer is on its way: by its functions, and by webhook. */

import { ERRORS } from "../../../shared/errors.ts";
import type { SettleResponse } from "../../../shared/x402/x402.ts";
import { traceOf } from "./log.ts";
import type { CheckedOptions, RefusedEvent } from "./options.ts";
import { chargedBy } from "./presented-payment.ts";
import { callAfterwards } from "./seller-function.ts";
import type { PaidRequest, PresentedPayment, SubstituteResponse } from "./types.ts";
import { enqueueWebhook } from "./webhooks/queue.ts";
import { saleEvent } from "./webhooks/sale-event.ts";

type Served = Pick<PaidRequest, "c" | "presented">;

export function tellSettled({ c, presented }: Served, receipt: SettleResponse, { onSettled }: CheckedOptions): void {
  const { transaction, payer } = receipt;
  const paid = { transaction, payer: payer ?? "", amount: receipt.amount ?? presented.offer.amount };
  enqueueWebhook(c, () => saleEvent("payment.settled", c, presented, paid));
  if (!onSettled) return;
  const { offer, offerIndex } = presented;
  const { payTo } = offer;
  const amount = chargedBy(presented, receipt) ?? offer.amount;
  const about = { transaction, payer: payer ?? "", payTo, amount, offer: offerIndex, path: c.req.path, traceId: traceOf(c) };
  callAfterwards(c, "onSettled", () => onSettled({ money: "moved", ...about }, c.env));
}

/** Tells of a payment whose money moved and whose goods did not go out. */
export function tellOwed({ c, presented }: Served, { refunds }: CheckedOptions): void {
  const { id: transaction, payer, amount, charged = amount } = c.get("payment");
  const paid = { transaction, payer, amount: charged };
  const refund = c.env.REFUND_MANDATE ? { state: "automatic" } : { state: "owed", code: "no_mandate" };
  enqueueWebhook(c, () => saleEvent("payment.undelivered", c, presented, paid, refunds && { refund }));
}

/** @param settled the settlement of this request, if there was one */
export function tellRefused(
  c: PaidRequest["c"],
  { code, receipt }: SubstituteResponse,
  presented: PresentedPayment | undefined,
  settled: SettleResponse | undefined,
  { onRefused }: CheckedOptions,
): void {
  if (!onRefused || !code) return;
  const payer = presented?.facts?.payer;
  const event = { code, status: ERRORS[code].status, path: c.req.path, traceId: traceOf(c), ...(payer && { payer }) };
  const money = moneyOf(code, settled ?? receipt);
  callAfterwards(c, "onRefused", () => onRefused({ ...event, ...money }, c.env));
}

type Money = RefusedEvent extends infer Event
  ? Event extends RefusedEvent
    ? Pick<Event, Extract<keyof Event, "money" | "transaction">>
    : never
  : never;

function moneyOf(code: RefusedEvent["code"], receipt: SettleResponse | undefined): Money {
  if (receipt?.success) return { money: "moved", transaction: receipt.transaction };
  return code === "settlement_pending" ? { money: "unknown", transaction: receipt?.transaction ?? "" } : { money: "not_moved" };
}

/** A register of sales with fixed content, for the seller's page. */

import type { Digest } from "../../shared/crypto/digest.ts";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import { SALES_PAGE } from "../../shared/limits.ts";
import { dayOf, type RecordedSale, SESSIONS_ROUTE } from "../../workers/merchant/paywall/memory/sales-register.ts";
import type { DurableNamespace } from "../../workers/merchant/paywall/types.ts";
import { owner } from "../fixtures.ts";

export const SELLER_KEY = "5e11e4".repeat(8);
const A_DAY = 86_400;
/** 2026-01-31 */
export const LAST_DAY = dayOf(Date.UTC(2026, 0, 31) / 1000);
export const dayBefore = (days: number) => LAST_DAY - days * A_DAY;

let count = 0;
export function sale(members: Partial<RecordedSale> = {}): RecordedSale {
  const transaction = (++count).toString(16).padStart(64, "0") as Digest;
  return {
    transaction,
    key: transaction,
    route: "GET /report",
    status: "delivered",
    payer: owner.account,
    amount: "1000000000",
    ...members,
  };
}

export type Sales = ReadonlyMap<number, readonly RecordedSale[]>;

/** @returns the namespace, and how many pages were asked for */
export function registerWith(sales: Sales, payee: string = DEMO_MERCHANT_ACCOUNT): { DELIVERIES: DurableNamespace; calls: () => number } {
  let calls = 0;
  const getByName = (name: string) => ({
    async listSales(after: string) {
      calls++;
      const [kind, account, day] = name.split("/");
      const list = kind === "sales" && account === payee ? (sales.get(Number(day)) ?? []) : [];
      return list
        .filter(({ transaction }) => transaction > after)
        .sort((a, b) => (a.transaction < b.transaction ? -1 : 1))
        .slice(0, SALES_PAGE);
    },
  });
  return { DELIVERIES: { getByName }, calls: () => calls };
}

/** A shop's week: what is sold, owed, unknown and given back. */
export const WEEK: Sales = new Map([
  [
    LAST_DAY,
    [
      ...Array.from({ length: 14 }, () => sale()),
      sale({ route: "POST /translate", amount: "250000000", status: "owed", paymentId: "order_7841_9f2c" }),
      sale({ route: "GET /dataset", amount: "2000000000", status: "pending" }),
    ],
  ],
  [
    dayBefore(1),
    [
      ...Array.from({ length: 9 }, () => sale()),
      sale({ route: SESSIONS_ROUTE, amount: "84000000" }),
      sale({ route: "GET /dataset", amount: "2000000000", status: "owed", refund: { state: "made" } }),
      sale({ route: "GET /dataset", amount: "2000000000", status: "owed", refund: { state: "owed", code: "mandate_exceeded" } }),
      sale({ route: "GET /dataset", amount: "2000000000", status: "owed", refund: { state: "due" } }),
    ],
  ],
  [dayBefore(2), Array.from({ length: 21 }, () => sale())],
  [dayBefore(3), Array.from({ length: 6 }, () => sale({ route: "POST /translate", amount: "250000000" }))],
  [dayBefore(5), Array.from({ length: 11 }, () => sale())],
  [dayBefore(6), Array.from({ length: 17 }, () => sale())],
]);

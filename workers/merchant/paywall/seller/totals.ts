/** What the register's sales add up to. Every sale is in one sum: sold, or not known to be paid. */

import { MAX_SELLER_PAGE_LINES } from "../../../../shared/limits.ts";
import type { RecordedSale } from "../memory/sales-register.ts";
import type { DayOfSales } from "./read-period.ts";

export interface Totals {
  /** Sales whose money moved. */
  sales: number;
  /** Atomic units of these. */
  sold: bigint;
  /** Sales of which the shop does not know whether the money moved. */
  pending: number;
  /** Paid, not delivered, and not going back. */
  owed: number;
  /** Payments that the shop gave back itself. */
  refunds: number;
}

export interface RouteTotals extends Totals {
  day: number;
  route: string;
}

export interface OpenSale {
  day: number;
  sale: RecordedSale;
  /** What it waits for. `give_back`: the shop could not, and the seller must. */
  waits: "money" | "goods" | "refund" | "give_back";
}

export interface PeriodTotals {
  whole: boolean;
  all: Totals;
  days: (Totals & { day: number; whole: boolean })[];
  /** Newest day first, the largest sum of a day first. The list is cut at MAX_SELLER_PAGE_LINES, `more` lines are left out. */
  routes: { lines: RouteTotals[]; more: number };
  open: { lines: OpenSale[]; more: number };
}

export function totalsOf(period: readonly DayOfSales[]): PeriodTotals {
  const days = period.map(({ day, whole, sales }) => ({ day, whole, ...sumOf(sales) }));
  const routes = period.flatMap(({ day, sales }) => {
    const byRoute = Map.groupBy(sales, ({ route }) => route);
    const lines = Array.from(byRoute, ([route, sales]) => ({ day, route, ...sumOf(sales) }));
    return lines.sort((a, b) => (a.sold === b.sold ? 0 : a.sold < b.sold ? 1 : -1));
  });
  const open = period.flatMap(({ day, sales }) =>
    sales.flatMap((sale): OpenSale[] => {
      const waits = waitsFor(sale);
      return waits ? [{ day, sale, waits }] : [];
    }),
  );
  return {
    whole: period.every(({ whole }) => whole),
    all: sumOf(period.flatMap(({ sales }) => sales)),
    days,
    routes: cut(routes),
    open: cut(open),
  };
}

export function waitsFor({ status, refund }: RecordedSale): OpenSale["waits"] | undefined {
  if (refund) return refund.state === "made" ? undefined : refund.state === "due" ? "refund" : "give_back";
  return status === "delivered" ? undefined : status === "owed" ? "goods" : "money";
}

function sumOf(sales: readonly RecordedSale[]): Totals {
  const totals = { sales: 0, sold: 0n, pending: 0, owed: 0, refunds: 0 };
  for (const sale of sales) {
    const isBack = sale.refund?.state === "made";
    // What went back had moved, whatever the shop knew before.
    if (sale.status === "pending" && !isBack) totals.pending++;
    else {
      totals.sales++;
      totals.sold += BigInt(sale.amount);
    }
    if (waitsFor(sale) === "goods") totals.owed++;
    if (isBack) totals.refunds++;
  }
  return totals;
}

function cut<T>(lines: readonly T[]): { lines: T[]; more: number } {
  return { lines: lines.slice(0, MAX_SELLER_PAGE_LINES), more: Math.max(0, lines.length - MAX_SELLER_PAGE_LINES) };
}

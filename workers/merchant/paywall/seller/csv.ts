/** The register's sales as a file for spreadsheets. */

import { decimalAmount } from "../../../../shared/protocol/amount.ts";
import { csvRow } from "../../../../shared/text/csv.ts";
import { formatTimestamp } from "../../../../shared/time.ts";
import type { DayOfSales } from "./read-period.ts";

const HEAD = ["day", "route", "atomic_units", "LGO", "status", "payer", "transaction", "payment_id", "refund", "refund_transaction"];

/** One row per sale, RFC 4180. No cell can act as a formula. */
export function salesCsv(period: readonly DayOfSales[]): string {
  const rows = period.flatMap(({ day, sales }) =>
    sales.map(({ route, amount, status, payer, transaction, paymentId = "", refund }) => {
      const paid = refund?.state === "made" ? (refund.transaction ?? "") : "";
      return [dayText(day), route, amount, decimalAmount(amount), status, payer, transaction, paymentId, refund?.state ?? "", paid];
    }),
  );
  return [HEAD, ...rows].map((cells) => `${csvRow(cells)}\r\n`).join("");
}

/** `2026-01-31` */
export function dayText(day: number): string {
  return formatTimestamp(day).slice(0, "2026-01-31".length);
}

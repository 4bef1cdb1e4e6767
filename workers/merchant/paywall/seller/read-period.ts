/** The register's sales of some days, within a number of calls. */

import { SALES_PAGE } from "../../../../shared/limits.ts";
import type { AccountId } from "../../../../shared/protocol/account.ts";
import { withTimeout } from "../facilitator/within-timeout.ts";
import { type RecordedSale, registerOf } from "../memory/sales-register.ts";
import type { DurableNamespace } from "../types.ts";

export interface DayOfSales {
  /** Its first second, in unix seconds. */
  day: number;
  sales: RecordedSale[];
  /** Whether these are all. */
  whole: boolean;
  /** Sales on other networks, which are left out: sums of two moneys say nothing. */
  elsewhere?: number;
}

/** How many calls one view may still make. */
export interface Calls {
  left: number;
}

/**
 * Each day's first page, and then what is left of the calls, the days in the order given. A transaction counts once, on the first of these days.
 * @param keep calls that are left to others
 * @returns undefined if the register did not answer
 */
export async function readPeriod(
  namespace: DurableNamespace,
  payee: AccountId,
  days: readonly number[],
  calls: Calls,
  keep = 0,
): Promise<DayOfSales[] | undefined> {
  calls.left -= days.length;
  const read = (day: number, after: string) => withTimeout((async () => registerOf(namespace, payee, day).listSales(after))());
  const first = await Promise.all(days.map(async (day) => ({ day, page: await read(day, "") })));
  const seen = new Set<string>();
  const period: DayOfSales[] = [];
  for (const { day, page } of first) {
    const sales: RecordedSale[] = [];
    let next = page;
    let whole = false;
    let elsewhere = 0;
    while (next) {
      for (const sale of next) {
        if (sale.network !== undefined) elsewhere++;
        else if (!seen.has(sale.transaction)) sales.push(sale);
      }
      for (const { transaction } of next) seen.add(transaction);
      const last = next.at(-1);
      whole = next.length < SALES_PAGE || !last;
      if (whole || !last || calls.left <= keep) break;
      calls.left--;
      next = await read(day, last.transaction);
    }
    if (!next) return undefined;
    period.push({ day, sales, whole, elsewhere });
  }
  return period;
}

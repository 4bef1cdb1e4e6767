/** Puts beside paid requests what came back of them, as far as `status` has asked. */

import { ASSET } from "../../shared/lez.ts";
import { money } from "../../shared/screen/money.ts";
import { refundedSums } from "../records/refunds-known.ts";
import type { Context } from "../runtime/context.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import type { PurchaseView } from "./purchase.ts";

/** Reads the audit log once, and only if one of them was paid. */
export function withRefunds(context: Context, views: readonly PurchaseView[]): Outcome<PurchaseView[]> {
  if (!views.some(({ transaction }) => transaction !== undefined)) return succeed([...views]);
  const sums = refundedSums(context);
  if (!sums.ok) return sums;
  return succeed(
    views.map((view) => {
      const sum = sums.data.get(view.transaction ?? "");
      return sum === undefined ? view : { ...view, refunded: money(sum.toString(), ASSET) };
    }),
  );
}

/** The same of one. */
export function withRefund(context: Context, view: PurchaseView): Outcome<PurchaseView> {
  const views = withRefunds(context, [view]);
  return views.ok ? succeed(views.data[0] ?? view) : views;
}

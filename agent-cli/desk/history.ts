/** What was paid from this machine, filtered and summed for the page. */

import type { History, HistoryFilter, HistoryGroup } from "../../shared/desk/api.ts";
import { ASSET } from "../../shared/lez.ts";
import { formatTimestamp } from "../../shared/time.ts";
import { readAudit } from "../records/audit-log.ts";
import { type MadePayment, paymentsMade } from "../records/payments-made.ts";
import { refundsKnown } from "../records/refunds-known.ts";
import { largestFirst, limited } from "../runtime/chart.ts";
import type { Context } from "../runtime/context.ts";
import { MAX_LISTED } from "../runtime/limits.ts";
import { type Money, money } from "../runtime/money.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";

const DAY_SECONDS = 86_400;

/** @param now unix seconds */
export function historyOf(context: Context, filter: HistoryFilter, now: number): Outcome<History> {
  const log = readAudit(context);
  if (!log.ok) return log;
  const since = dayOf(formatTimestamp(now - (filter.days - 1) * DAY_SECONDS));
  const all = [...log.data.older, ...log.data.entries];
  const within = paymentsMade(context, all).filter(({ at }) => dayOf(at) >= since);
  const made = within.filter((payment) => matches(payment, filter));
  const own = new Set(made.map(({ transaction }) => transaction));
  const back = refundsKnown(all).filter(({ refundOf }) => own.has(refundOf));
  return succeed({
    since,
    today: dayOf(formatTimestamp(now)),
    payments: made.length,
    total: sumOf(made),
    refunded: sumOf(back),
    days: grouped(made, ({ at }) => dayOf(at)).sort((a, b) => (a.name < b.name ? 1 : -1)),
    merchants: limited(grouped(made, ({ merchant }) => merchant).sort(largestFirst(({ paid }) => paid.amount))),
    list: made.toReversed().slice(0, MAX_LISTED),
    more: Math.max(0, made.length - MAX_LISTED),
    known: { agents: names(within, ({ agent }) => agent), merchants: names(within, ({ merchant }) => merchant) },
  });
}

function matches(payment: MadePayment, { agent, merchant, day }: HistoryFilter): boolean {
  const wanted: [string | undefined, string][] = [
    [agent, payment.agent],
    [merchant, payment.merchant],
    [day, dayOf(payment.at)],
  ];
  return wanted.every(([asked, value]) => asked === undefined || asked === value);
}

function grouped(made: readonly MadePayment[], nameOf: (payment: MadePayment) => string): HistoryGroup[] {
  return [...Map.groupBy(made, nameOf)].map(([name, own]) => ({ name, payments: own.length, paid: sumOf(own) }));
}

function names(made: readonly MadePayment[], nameOf: (payment: MadePayment) => string): string[] {
  return [...new Set(made.map(nameOf))].sort((a, b) => a.localeCompare(b)).slice(0, MAX_LISTED);
}

function sumOf(parts: readonly { amount: string }[]): Money {
  return money(parts.reduce((sum, { amount }) => sum + BigInt(amount), 0n).toString(), ASSET);
}

/** Of an RFC 3339 time in UTC. */
function dayOf(timestamp: string): string {
  return timestamp.slice(0, 10);
}

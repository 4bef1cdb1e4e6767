/** What was paid from this machine, filtered and summed for the page. */

import type { History, HistoryFilter, HistoryGroup, HistorySession } from "../../shared/desk/api.ts";
import { ASSET, isNativeNetwork } from "../../shared/lez.ts";
import { money } from "../../shared/screen/money.ts";
import { formatTimestamp } from "../../shared/time.ts";
import { readAudit } from "../records/audit-log.ts";
import { type MadePayment, paymentsMade } from "../records/payments-made.ts";
import { refundsKnown } from "../records/refunds-known.ts";
import { sessionsCalled } from "../records/sessions-called.ts";
import { largestFirst, limited } from "../runtime/chart.ts";
import type { Context } from "../runtime/context.ts";
import { MAX_LISTED } from "../runtime/limits.ts";
import { type Money } from "../runtime/money.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";

const DAY_SECONDS = 86_400;

/** @param now unix seconds */
export function historyOf(context: Context, filter: HistoryFilter, now: number): Outcome<History> {
  const log = readAudit(context);
  if (!log.ok) return log;
  const since = dayOf(formatTimestamp(now - (filter.days - 1) * DAY_SECONDS));
  const all = [...log.data.older, ...log.data.entries];
  const within = paymentsMade(context, all).filter(({ at }) => dayOf(at) >= since);
  const asked = within.filter((payment) => matches(payment, filter));
  const made = asked.filter(({ network }) => !isNativeNetwork(network));
  const onChain = Map.groupBy(
    asked.filter(({ network }) => isNativeNetwork(network)),
    ({ network }) => network,
  );
  const sessions = sessionsOf(context, filter, since);
  if (!sessions.ok) return sessions;
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
    chains: [...onChain].map(([network, own]) => ({ name: network, payments: own.length, paid: sumOf(own) })),
    list: asked.toReversed().slice(0, MAX_LISTED),
    more: Math.max(0, asked.length - MAX_LISTED),
    sessions: sessions.data.shown,
    known: {
      agents: names([...within, ...sessions.data.within].map(({ agent }) => agent)),
      merchants: names([...within, ...sessions.data.within].map(({ merchant }) => merchant)),
    },
  });
}

/** Calls in sessions, one line per session. The ledger pays them by the merchant's claims, which are in no payment above. */
function sessionsOf(
  context: Context,
  filter: HistoryFilter,
  since: string,
): Outcome<{ within: HistorySession[]; shown: NonNullable<History["sessions"]> }> {
  const { day } = filter;
  const called = sessionsCalled(context, ({ at }) => dayOf(at) >= since && (day === undefined || dayOf(at) === day));
  if (!called.ok) return called;
  const within = called.data.map(({ session, calls, charged, at, agent, reason }): HistorySession => {
    const merchant = new URL(session.signed.channelConfig.origin).host;
    return { at, agent, merchant, reason, charged: charged.toString(), calls: calls.length, session: session.shortCode };
  });
  const list = within.filter((line) => matches(line, { ...filter, day: undefined })).sort((a, b) => (a.at < b.at ? 1 : -1));
  const total = sumOf(list.map(({ charged: amount }) => ({ amount })));
  return succeed({ within, shown: { total, list: list.slice(0, MAX_LISTED), more: Math.max(0, list.length - MAX_LISTED) } });
}

function matches(payment: Pick<MadePayment, "agent" | "merchant" | "at">, { agent, merchant, day }: HistoryFilter): boolean {
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

function names(all: readonly string[]): string[] {
  return [...new Set(all)].sort((a, b) => a.localeCompare(b)).slice(0, MAX_LISTED);
}

function sumOf(parts: readonly { amount: string }[]): Money {
  return money(parts.reduce((sum, { amount }) => sum + BigInt(amount), 0n).toString(), ASSET);
}

/** Of an RFC 3339 time in UTC. */
function dayOf(timestamp: string): string {
  return timestamp.slice(0, 10);
}

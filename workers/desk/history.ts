/** What was paid through this desk, filtered and summed for the page; and the same, and the journal, as files. */

import type { History, HistoryFilter, HistoryGroup, HistoryPayment } from "../../shared/desk/api.ts";
import { ASSET } from "../../shared/lez.ts";
import { MAX_DESK_HISTORY } from "../../shared/limits.ts";
import { decimalAmount } from "../../shared/protocol/amount.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { money } from "../../shared/screen/money.ts";
import { csvRow } from "../../shared/text/csv.ts";
import { formatTimestamp } from "../../shared/time.ts";
import type { AskOf } from "./asks.ts";
import { type DeskContext, tell, type Told } from "./desk-context.ts";
import { type JournalLine, journal } from "./journal.ts";
import { sumOf } from "./money.ts";
import { paidRequests, requestOf, type RequestRow } from "./requests.ts";

const DAY_SECONDS = 86_400;

/** Said on the page: the sums are no balance. */
const NOT_ALL =
  "Only payments that were approved at this desk are here. Payments under an allowance, calls in sessions, and refunds never pass it: the account's books have them.";

/** @param now unix seconds */
export function historyOf({ store }: DeskContext, filter: HistoryFilter, now: number): Told<History> {
  const since = dayOf(now - (filter.days - 1) * DAY_SECONDS);
  const within = paidRequests(store, Date.parse(`${since}T00:00:00Z`) / 1000).map(paymentLine);
  const made = within.filter((payment) => matches(payment, filter));
  const merchants = grouped(made, ({ merchant }) => merchant).sort((a, b) => (BigInt(a.paid.amount) < BigInt(b.paid.amount) ? 1 : -1));
  return tell(
    {
      since,
      today: dayOf(now),
      payments: made.length,
      total: sumOf(made),
      refunded: money(0n, ASSET),
      days: grouped(made, ({ at }) => at.slice(0, 10)).sort((a, b) => (a.name < b.name ? 1 : -1)),
      merchants: { lines: merchants.slice(0, MAX_DESK_HISTORY), more: Math.max(0, merchants.length - MAX_DESK_HISTORY) },
      list: made.slice(0, MAX_DESK_HISTORY),
      more: Math.max(0, made.length - MAX_DESK_HISTORY),
      known: { agents: names(within, ({ agent }) => agent), merchants: names(within, ({ merchant }) => merchant) },
    },
    [NOT_ALL],
  );
}

function paymentLine(kept: RequestRow): HistoryPayment {
  const { agent, http, payment, reason } = requestOf(kept);
  return {
    at: formatTimestamp(kept.decided_at ?? 0),
    agent: agent.publicKey,
    merchant: new URL(http.url).host,
    method: http.method,
    url: http.url,
    reason,
    amount: kept.charged ?? payment.session?.deposit ?? payment.amount,
    transaction: kept.transaction_id ?? "",
    request: shortCode(kept.digest),
    mandate: "",
  };
}

function matches(payment: HistoryPayment, { agent, merchant, day }: HistoryFilter): boolean {
  const wanted: [string | undefined, string][] = [
    [agent, payment.agent],
    [merchant, payment.merchant],
    [day, payment.at.slice(0, 10)],
  ];
  return wanted.every(([asked, value]) => asked === undefined || asked === value);
}

function grouped(made: readonly HistoryPayment[], nameOf: (payment: HistoryPayment) => string): HistoryGroup[] {
  return [...Map.groupBy(made, nameOf)].map(([name, own]) => ({ name, payments: own.length, paid: sumOf(own) }));
}

function names(made: readonly HistoryPayment[], nameOf: (payment: HistoryPayment) => string): string[] {
  return [...new Set(made.map(nameOf))].sort((a, b) => (a < b ? -1 : 1)).slice(0, MAX_DESK_HISTORY);
}

/** The day in UTC. @param at unix seconds */
function dayOf(at: number): string {
  return formatTimestamp(at).slice(0, 10);
}

export function exportOf({ store }: DeskContext, { format }: AskOf<"export">): { name: string; type: string; text: string } {
  if (format === "payments")
    return { name: "payments.csv", type: "text/csv", text: textOf(paymentRows(paidRequests(store, 0).map(paymentLine))) };
  const lines = journal(store);
  if (format === "csv") return { name: "desk.csv", type: "text/csv", text: textOf(journalRows(lines)) };
  const text = textOf(lines.map(({ at, ...line }) => JSON.stringify({ ...line, at: formatTimestamp(at) })));
  return { name: "desk.jsonl", type: "application/jsonl", text };
}

function paymentRows(made: readonly HistoryPayment[]): string[] {
  const header = ["time", "agent", "merchant", "reason", "units", "LGO", "transaction", "request"];
  const rows = made.map(({ at, agent, merchant, reason, amount, transaction, request }) => [
    at,
    agent,
    merchant,
    reason,
    amount,
    decimalAmount(amount),
    transaction,
    request,
  ]);
  return [header, ...rows].map(csvRow);
}

function journalRows(lines: readonly JournalLine[]): string[] {
  const facts = [...new Set(lines.flatMap((line) => Object.keys(line.facts)))];
  const rows = lines.map((line) => [
    String(line.seq),
    formatTimestamp(line.at),
    line.event,
    ...facts.map((fact) => line.facts[fact] ?? ""),
  ]);
  return [["seq", "at", "event", ...facts], ...rows].map(csvRow);
}

function textOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}

/** `spending`: what was paid from this machine, per day, agent and merchant. */

import * as z from "zod";
import { ASSET, NATIVE_NETWORKS, type NativeNetwork, isNativeNetwork } from "../../shared/lez.ts";
import { money } from "../../shared/screen/money.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import { defineCommand } from "../command-line/command.ts";
import { type FacilitatorInput, facilitatorFields } from "../facilitator/client.ts";
import { mandateData, mandateLines, mandateSchema } from "../purchase/mandate-view.ts";
import { readAudit } from "../records/audit-log.ts";
import { isOpen, keptMandates } from "../records/mandates.ts";
import { type MadePayment, paymentsMade } from "../records/payments-made.ts";
import { type ReceivedRefund, refundsKnown } from "../records/refunds-known.ts";
import { sessionsCalled } from "../records/sessions-called.ts";
import { chart, groupOf, heading, largestFirst, leftOut, limited } from "../runtime/chart.ts";
import type { Context } from "../runtime/context.ts";
import { counted, type Layout, wrap } from "../runtime/layout.ts";
import { MAX_LISTED } from "../runtime/limits.ts";
import { moneySchema } from "../runtime/money.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";

const DAYS = "must be a whole number of days, 1 to 3650";

const lineSchema = z.strictObject({ name: z.string(), payments: z.number(), paid: moneySchema });
type Line = z.infer<typeof lineSchema>;
const groupSchema = groupOf(lineSchema);

const chainSchema = z.strictObject({
  network: z.string(),
  payments: z.number(),
  paid: moneySchema,
  /** The most that their fees can have come to. */
  feesAtMost: moneySchema,
  days: groupSchema,
  agents: groupSchema,
  merchants: groupSchema,
});
type ChainSpending = z.infer<typeof chainSchema>;

const resultSchema = z.strictObject({
  /** The first day that counts, in UTC. */
  since: z.string(),
  /** On the ledger, as all that follows but `chains`. */
  payments: z.number(),
  total: moneySchema,
  /** What came back of these payments, by the journals of the paying accounts. */
  refunded: moneySchema,
  /** Newest first. */
  days: groupSchema,
  /** Those who spent the most first, as for merchants. Names are the agents' own words. */
  agents: groupSchema,
  merchants: groupSchema,
  /** What calls in sessions were charged, one line per session, beside the payments. The ledger pays it by the merchant's claims. */
  sessions: groupSchema,
  /** What transfers on the chain itself paid, network by network: its money is another, and in no sum above. */
  chains: z.array(chainSchema),
  /** What is left of those that are open, as the ledger counts it. Those that end first come first. */
  mandates: groupOf(mandateSchema),
});

type MandateGroup = z.infer<typeof resultSchema>["mandates"];

export const spending = defineCommand({
  name: "spending",
  audience: "owner",
  readOnly: true,
  summary: "what was paid from this machine: per day, agent, merchant",
  description:
    "From the audit log: each payment counts once, whatever was asked again. Days are in UTC. audit verify compares the log with the ledger. What open mandates have used is the ledger's word; without a mandate it is not asked. Payments on the chain itself are summed on their own, network by network.",
  input: z.strictObject({
    days: z.coerce.number(DAYS).int(DAYS).min(1, DAYS).max(3650, DAYS).default(30).meta({ value: "n", description: "the last n days; 30" }),
    ...facilitatorFields,
  }),
  output: resultSchema,
  examples: [
    { says: "the last 30 days", argv: "spending" },
    { says: "today", argv: "spending --days 1" },
  ],
  async run(context, { days, ...facilitator }) {
    const log = readAudit(context);
    if (!log.ok) return log;
    const since = dayOf(formatTimestamp(unixNow() - (days - 1) * 86_400));
    const all = [...log.data.older, ...log.data.entries];
    const within = paymentsMade(context, all).filter(({ at }) => dayOf(at) >= since);
    const made = within.filter(({ network }) => !isNativeNetwork(network));
    const mandates = await openMandates(context, facilitator);
    if (!mandates.ok) return mandates;
    const sessions = sessionLines(context, since);
    if (!sessions.ok) return sessions;
    return succeed({
      since,
      payments: made.length,
      total: sumOf(made),
      refunded: refundedOf(made, refundsKnown(all)),
      ...groupsOf(made),
      sessions: limited(sessions.data),
      chains: NATIVE_NETWORKS.flatMap((network) => chainSpending(network, within)),
      mandates: mandates.data,
    });
  },
  render: ({ since, payments, total, refunded, days, agents, merchants, sessions, chains, mandates }, layout) => [
    layout.ink("bold", `${total.display} in ${counted(payments, "payment")} since ${since}`),
    ...(refunded.amount === "0" ? [] : [`${refunded.display} of it was refunded, as far as status has asked`]),
    ...paidChart("per day", days, layout),
    ...paidChart("per agent", agents, layout),
    ...paidChart("per merchant", merchants, layout),
    ...paidChart("in sessions, beside that", sessions, layout),
    ...chains.flatMap((chain) => chainLines(chain, layout)),
    ...mandateChart(mandates, layout),
  ],
});

function groupsOf(made: readonly MadePayment[]): Pick<ChainSpending, "days" | "agents" | "merchants"> {
  return {
    days: grouped(
      made,
      ({ at }) => dayOf(at),
      (a, b) => (a.name < b.name ? 1 : -1),
    ),
    agents: grouped(made, ({ agent }) => agent || "unknown", byAmount),
    merchants: grouped(made, ({ merchant }) => merchant || "unknown", byAmount),
  };
}

/** None if nothing was paid there. */
function chainSpending(network: NativeNetwork, made: readonly MadePayment[]): ChainSpending[] {
  const own = made.filter((payment) => payment.network === network);
  if (own.length === 0) return [];
  const fees = own.reduce((sum, { maxFee = "0" }) => sum + BigInt(maxFee), 0n);
  return [{ network, payments: own.length, paid: sumOf(own), feesAtMost: money(fees.toString(), ASSET), ...groupsOf(own) }];
}

function chainLines({ network, payments, paid, feesAtMost, days, agents, merchants }: ChainSpending, layout: Layout): string[] {
  return [
    "",
    layout.ink("bold", `${paid.display} in ${counted(payments, "payment")} on ${network} itself`),
    ...wrap(`and fees of at most ${feesAtMost.display}. This money is not the ledger's: no sum above has it.`, layout.width),
    ...paidChart("per day", days, layout),
    ...paidChart("per agent", agents, layout),
    ...paidChart("per merchant", merchants, layout),
  ];
}

/** Each session that was called since then, with the sum of its calls. */
function sessionLines(context: Context, since: string): Outcome<Line[]> {
  const called = sessionsCalled(context, ({ at }) => dayOf(at) >= since);
  if (!called.ok) return called;
  const lines = called.data.map(({ session, calls, charged }) => {
    const { host } = new URL(session.signed.channelConfig.origin);
    return { name: `${host} ${session.shortCode}`, payments: calls.length, paid: money(charged.toString(), ASSET) };
  });
  return succeed(lines.sort(byAmount));
}

async function openMandates(context: Context, facilitator: FacilitatorInput): Promise<Outcome<MandateGroup>> {
  const kept = await keptMandates(context);
  if (!kept.ok) return kept;
  const now = unixNow();
  const open = kept.data.mandates.filter((mandate) => isOpen(mandate, now));
  const asked = open.slice(0, MAX_LISTED).map((mandate) => mandateData(context, facilitator, mandate, now));
  // One that was revoked from another machine is open no more. One whose ledger does not answer is shown as not known.
  const lines = (await Promise.all(asked)).filter(({ usage }) => usage === undefined || usage.status === "open");
  return succeed({ lines, more: Math.max(0, open.length - MAX_LISTED) });
}

function dayOf(timestamp: string): string {
  return timestamp.slice(0, 10);
}

function sumOf(made: readonly MadePayment[]) {
  return money(made.reduce((sum, { amount }) => sum + BigInt(amount), 0n).toString(), ASSET);
}

function refundedOf(made: readonly MadePayment[], refunds: readonly ReceivedRefund[]) {
  const own = new Set(made.map(({ transaction }) => transaction));
  const back = refunds.filter(({ refundOf }) => own.has(refundOf));
  return money(back.reduce((sum, { amount }) => sum + BigInt(amount), 0n).toString(), ASSET);
}

function grouped(made: readonly MadePayment[], nameOf: (payment: MadePayment) => string, order: (a: Line, b: Line) => number) {
  return limited([...Map.groupBy(made, nameOf)].map(([name, own]) => ({ name, payments: own.length, paid: sumOf(own) })).sort(order));
}

const byAmount = largestFirst<Line>(({ paid }) => paid.amount);

function paidChart(title: string, { lines, more }: z.infer<typeof groupSchema>, layout: Layout): string[] {
  const bars = lines.map(({ name, payments, paid }) => ({
    name,
    amount: paid.amount,
    text: `${paid.display}${payments > 1 ? ` in ${payments}` : ""}`,
  }));
  return chart(title, bars, more, layout);
}

function mandateChart({ lines, more }: MandateGroup, layout: Layout): string[] {
  if (lines.length === 0) return [];
  const inner = { ...layout, width: layout.width - 2 };
  return [
    ...heading("mandates", layout),
    ...lines.flatMap((data) => mandateLines(data, inner)).map((line) => `  ${line}`),
    ...leftOut(more),
  ];
}

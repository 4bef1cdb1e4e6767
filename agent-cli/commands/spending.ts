/** `spending`: what was paid from this machine, per day, agent and merchant. */

import * as z from "zod";
import { ASSET } from "../../shared/lez.ts";
import { showUnsafe } from "../../shared/screen/escapes.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import { defineCommand } from "../command-line/command.ts";
import { type FacilitatorInput, facilitatorFields } from "../facilitator/client.ts";
import { mandateData, mandateLines, mandateSchema } from "../purchase/mandate-view.ts";
import { readAudit } from "../records/audit-log.ts";
import { isOpen, keptMandates } from "../records/mandates.ts";
import { type MadePayment, paymentsMade } from "../records/payments-made.ts";
import type { Context } from "../runtime/context.ts";
import { bar, BAR_CELLS, cells, counted, type Layout } from "../runtime/layout.ts";
import { MAX_LISTED } from "../runtime/limits.ts";
import { money, moneySchema } from "../runtime/money.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";

const DAYS = "must be a whole number of days, 1 to 3650";

const lineSchema = z.strictObject({ name: z.string(), payments: z.number(), paid: moneySchema });
type Line = z.infer<typeof lineSchema>;

const groupSchema = z.strictObject({
  lines: z.array(lineSchema),
  /** Lines that are left out, because there are more than the limit. */
  more: z.number(),
});

const resultSchema = z.strictObject({
  /** The first day that counts, in UTC. */
  since: z.string(),
  payments: z.number(),
  total: moneySchema,
  /** Newest first. */
  days: groupSchema,
  /** Those who spent the most first, as for merchants. Names are the agents' own words. */
  agents: groupSchema,
  merchants: groupSchema,
  /** What is left of those that are open, as the ledger counts it. Those that end first come first. */
  mandates: z.strictObject({ lines: z.array(mandateSchema), more: z.number() }),
});

type MandateGroup = z.infer<typeof resultSchema>["mandates"];

export const spending = defineCommand({
  name: "spending",
  audience: "owner",
  readOnly: true,
  summary: "what was paid from this machine: per day, agent, merchant",
  description:
    "From the audit log: each payment counts once, whatever was asked again. Days are in UTC. audit verify compares the log with the ledger. What open mandates have used is the ledger's word; without a mandate it is not asked.",
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
    const made = paymentsMade(context, all).filter(({ at }) => dayOf(at) >= since);
    const mandates = await openMandates(context, facilitator);
    if (!mandates.ok) return mandates;
    return succeed({
      since,
      payments: made.length,
      total: sumOf(made),
      days: grouped(
        made,
        ({ at }) => dayOf(at),
        (a, b) => (a.name < b.name ? 1 : -1),
      ),
      agents: grouped(made, ({ agent }) => agent || "unknown", byAmount),
      merchants: grouped(made, ({ merchant }) => merchant || "unknown", byAmount),
      mandates: mandates.data,
    });
  },
  render: ({ since, payments, total, days, agents, merchants, mandates }, layout) => [
    layout.ink("bold", `${total.display} in ${counted(payments, "payment")} since ${since}`),
    ...chart("per day", days, layout),
    ...chart("per agent", agents, layout),
    ...chart("per merchant", merchants, layout),
    ...mandateChart(mandates, layout),
  ],
});

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

function grouped(made: readonly MadePayment[], nameOf: (payment: MadePayment) => string, order: (a: Line, b: Line) => number) {
  const lines = [...Map.groupBy(made, nameOf)].map(([name, own]) => ({ name, payments: own.length, paid: sumOf(own) })).sort(order);
  return { lines: lines.slice(0, MAX_LISTED), more: Math.max(0, lines.length - MAX_LISTED) };
}

function byAmount(a: Line, b: Line): number {
  const difference = BigInt(b.paid.amount) - BigInt(a.paid.amount);
  return difference === 0n ? a.name.localeCompare(b.name) : difference > 0n ? 1 : -1;
}

const MAX_NAME_CELLS = 32;

function chart(title: string, { lines, more }: z.infer<typeof groupSchema>, layout: Layout): string[] {
  if (lines.length === 0) return [];
  const names = lines.map(({ name }) => shortened(showUnsafe(name)));
  const width = Math.max(...names.map(cells));
  const most = lines
    .map(({ paid }) => BigInt(paid.amount))
    .reduce((a, b) => (a > b ? a : b))
    .toString();
  const rows = lines.map(({ paid, payments }, i) => {
    const name = names[i] ?? "";
    const text = `${paid.display}${payments > 1 ? ` in ${payments}` : ""}`;
    return width + BAR_CELLS + text.length + 6 <= layout.width
      ? `  ${name}${" ".repeat(width - cells(name))}  ${layout.ink("green", bar(paid.amount, most))}  ${text}`
      : `  ${name}  ${text}`;
  });
  return [...heading(title, layout), ...rows, ...leftOut(more)];
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

function heading(title: string, layout: Layout): string[] {
  return ["", layout.ink("bold", title)];
}

function leftOut(more: number): string[] {
  return more > 0 ? [`  and ${more} more, which are not shown`] : [];
}

function shortened(name: string): string {
  if (cells(name) <= MAX_NAME_CELLS) return name;
  let cut = "";
  for (const character of name) {
    if (cells(cut + character) >= MAX_NAME_CELLS) break;
    cut += character;
  }
  return `${cut}…`;
}

/** `audit export`: the audit log for other programs. */

import * as z from "zod";
import { ASSET } from "../../shared/lez.ts";
import { decimalAmount } from "../../shared/protocol/amount.ts";
import { defineCommand } from "../command-line/command.ts";
import { forceField, nameField } from "../command-line/fields.ts";
import { checkDestination } from "../keys/output-file.ts";
import { type AuditEntry, readAudit } from "../records/audit-log.ts";
import { type MadePayment, paymentsMade } from "../records/payments-made.ts";
import { type ReceivedRefund, refundsKnown } from "../records/refunds-known.ts";
import { csvRow } from "../runtime/csv.ts";
import { writeWhole } from "../runtime/files.ts";
import { counted, field } from "../runtime/layout.ts";
import { money, moneySchema } from "../runtime/money.ts";
import { succeed } from "../runtime/outcome.ts";

const FORMATS = ["jsonl", "csv", "payments"] as const;

export const auditExport = defineCommand({
  name: "audit export",
  audience: "owner",
  summary: "the audit log, or its payments, as a file",
  description:
    "jsonl and csv have every entry. payments is a CSV for accounts: one row per payment with time, agent, merchant, reason, amount, transaction, request code, mandate and what status has seen refunded, and a total. No cell of a CSV can act as a formula.",
  input: z.strictObject({
    out: nameField.meta({ value: "file", description: "file for the log" }),
    format: z
      .enum(FORMATS, `must be one of ${FORMATS.join(", ")}`)
      .default("jsonl")
      .meta({ description: `${FORMATS.join(", ")}; jsonl` }),
    ...forceField,
  }),
  output: z.strictObject({
    file: z.string(),
    /** The rows: entries, or payments. */
    entries: z.number(),
    /** Of the payments that were written. */
    total: moneySchema.optional(),
    problems: z.number(),
  }),
  examples: [
    { says: "for a spreadsheet", argv: "audit export --out audit.csv --format csv" },
    { says: "what was paid, for the accounts", argv: "audit export --out payments.csv --format payments" },
  ],
  async run(context, { out, format, force }) {
    const writable = checkDestination(out, force);
    if (!writable.ok) return writable;
    const log = readAudit(context);
    if (!log.ok) return log;
    const { entries, older, problems } = log.data;
    const all = [...older, ...entries];
    const made = format === "payments" ? paymentsMade(context, all) : undefined;
    const total = made?.reduce((sum, { amount }) => sum + BigInt(amount), 0n);
    const lines = made
      ? paymentRows(made, refundsKnown(all), total ?? 0n)
      : format === "csv"
        ? csv(entries)
        : entries.map((entry) => JSON.stringify(entry));
    const written = writeWhole(out, lines.map((line) => `${line}\n`).join(""), force);
    if (!written.ok) return written;
    const rows = (made ?? entries).length;
    return succeed({
      file: out,
      entries: rows,
      ...(total !== undefined && { total: money(total.toString(), ASSET) }),
      problems: problems.length,
    });
  },
  render: ({ file, entries, total, problems }, layout) => [
    total
      ? `${counted(entries, "payment")}, ${total.display} in all, written to ${file}`
      : `${counted(entries, "entry", "entries")} written to ${file}`,
    ...(problems ? field(layout, "but", "the chain is broken: lez-agent-pay audit verify") : []),
  ],
});

function csv(entries: readonly AuditEntry[]): string[] {
  const facts = [...new Set(entries.flatMap((entry) => Object.keys(entry.facts)))];
  const header = ["seq", "at", "event", ...facts, "previous", "digest"];
  const rows = entries.map((entry) => [
    entry.seq,
    entry.at,
    entry.event,
    ...facts.map((fact) => entry.facts[fact] ?? ""),
    entry.previous,
    entry.digest,
  ]);
  return [header, ...rows].map(csvRow);
}

const COLUMNS = ["time", "agent", "merchant", "reason", "units", "LGO", "transaction", "request", "mandate", "refunded_units"];

/** What an account's journal gave back of a payment is its last column: a refund is no payment less. */
function paymentRows(made: readonly MadePayment[], refunds: readonly ReceivedRefund[], total: bigint): string[] {
  const back = (of: (refund: ReceivedRefund) => boolean) => refunds.filter(of).reduce((sum, { amount }) => sum + BigInt(amount), 0n);
  const paid = new Set(made.map(({ transaction }) => transaction));
  const rows = made.map(({ at, agent, merchant, reason, amount, transaction, request, mandate }) => [
    at,
    agent,
    merchant,
    reason,
    amount,
    decimalAmount(amount),
    transaction,
    request,
    mandate,
    back(({ refundOf }) => refundOf === transaction).toString(),
  ]);
  const refunded = back(({ refundOf }) => paid.has(refundOf)).toString();
  return [COLUMNS, ...rows, ["total", "", "", "", total.toString(), decimalAmount(total), "", "", "", refunded]].map(csvRow);
}

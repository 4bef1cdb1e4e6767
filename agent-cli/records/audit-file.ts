/** The audit log as the text of a file, for other programs. No cell of a CSV can act as a formula. */

import { decimalAmount } from "../../shared/protocol/amount.ts";
import type { Context } from "../runtime/context.ts";
import { csvRow } from "../runtime/csv.ts";
import type { AuditEntry, readAudit } from "./audit-log.ts";
import { type MadePayment, paymentsMade } from "./payments-made.ts";
import { type ReceivedRefund, refundsKnown } from "./refunds-known.ts";

export const AUDIT_FORMATS = ["jsonl", "csv", "payments"] as const;

type AuditLog = Extract<ReturnType<typeof readAudit>, { ok: true }>["data"];

interface AuditFile {
  text: string;
  /** Entries, or payments. */
  rows: number;
  /** Of payments: their sum in atomic units. */
  total?: bigint;
}

export function auditFile(context: Context, { entries, older }: AuditLog, format: (typeof AUDIT_FORMATS)[number]): AuditFile {
  if (format === "jsonl") return { text: textOf(entries.map((entry) => JSON.stringify(entry))), rows: entries.length };
  if (format === "csv") return { text: textOf(csv(entries)), rows: entries.length };
  const all = [...older, ...entries];
  const made = paymentsMade(context, all);
  const total = made.reduce((sum, { amount }) => sum + BigInt(amount), 0n);
  return { text: textOf(paymentRows(made, refundsKnown(all), total)), rows: made.length, total };
}

function textOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}

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

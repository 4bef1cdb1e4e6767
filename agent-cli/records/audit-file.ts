/** The audit log as the text of a file, for other programs. No cell of a CSV can act as a formula. */

import { NATIVE_NETWORKS, NETWORK, isNativeNetwork } from "../../shared/lez.ts";
import { decimalAmount } from "../../shared/protocol/amount.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { csvRow } from "../../shared/text/csv.ts";
import type { Context } from "../runtime/context.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import type { AuditEntry, readAudit } from "./audit-log.ts";
import { type MadePayment, paymentsMade } from "./payments-made.ts";
import { type ReceivedRefund, refundsKnown } from "./refunds-known.ts";
import { type CalledSession, sessionsCalled } from "./sessions-called.ts";

export const AUDIT_FORMATS = ["jsonl", "csv", "payments"] as const;

type AuditLog = Extract<ReturnType<typeof readAudit>, { ok: true }>["data"];

interface AuditFile {
  text: string;
  /** Entries, or payments and sessions. */
  rows: number;
  /** Of payments: how many of the rows are sessions, and the sum of all in atomic units. */
  sessions?: number;
  total?: bigint;
  /** What was paid on the chain itself, by network: in no other sum. */
  chains?: ReadonlyMap<string, bigint>;
}

export function auditFile(context: Context, { entries, older }: AuditLog, format: (typeof AUDIT_FORMATS)[number]): Outcome<AuditFile> {
  if (format === "jsonl") return succeed({ text: textOf(entries.map((entry) => JSON.stringify(entry))), rows: entries.length });
  if (format === "csv") return succeed({ text: textOf(csv(entries)), rows: entries.length });
  const all = [...older, ...entries];
  const made = paymentsMade(context, all);
  const called = sessionsCalled(context);
  if (!called.ok) return called;
  const inSessions = called.data.reduce((sum, { charged }) => sum + charged, 0n);
  const onLedger = made.filter(({ network }) => !isNativeNetwork(network));
  const total = inSessions + sumOf(onLedger);
  const onChain = Map.groupBy(made, ({ network }) => network);
  const chains = new Map(
    NATIVE_NETWORKS.flatMap((network) => (onChain.has(network) ? [[network, sumOf(onChain.get(network) ?? [])]] : [])),
  );
  const text = textOf(paymentRows(made, called.data, refundsKnown(all), { total, chains }));
  return succeed({ text, rows: made.length + called.data.length, sessions: called.data.length, total, chains });
}

function sumOf(made: readonly MadePayment[]): bigint {
  return made.reduce((sum, { amount }) => sum + BigInt(amount), 0n);
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

const COLUMNS = [
  "time",
  "agent",
  "merchant",
  "reason",
  "units",
  "LGO",
  "transaction",
  "request",
  "mandate",
  "refunded_units",
  "session",
  "calls",
  "network",
  "most_fee_units",
];

/** What an account's journal gave back of a payment is a column: a refund is no payment less. A session is one row. */
function paymentRows(
  made: readonly MadePayment[],
  called: readonly CalledSession[],
  refunds: readonly ReceivedRefund[],
  { total, chains }: { total: bigint; chains: ReadonlyMap<string, bigint> },
): string[] {
  const back = (of: (refund: ReceivedRefund) => boolean) => refunds.filter(of).reduce((sum, { amount }) => sum + BigInt(amount), 0n);
  const paid = new Set(made.map(({ transaction }) => transaction));
  const rows = made.map(({ at, agent, merchant, reason, amount, transaction, request, mandate, network, maxFee = "" }) => [
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
    "",
    "",
    network,
    maxFee,
  ]);
  const refunded = back(({ refundOf }) => paid.has(refundOf)).toString();
  const sums = ["total", "", "", "", total.toString(), decimalAmount(total), "", "", "", refunded, "", "", NETWORK, ""];
  const onChains = [...chains].map(([network, sum]) => {
    return ["total", "", "", "", sum.toString(), decimalAmount(sum), "", "", "", "0", "", "", network, ""];
  });
  return [COLUMNS, ...rows, ...called.map(sessionRow), sums, ...onChains].map(csvRow);
}

/** What its calls were charged. No transaction: the ledger pays it by the merchant's claims. */
function sessionRow({ session: { id, signed }, calls, charged, at, agent, reason }: CalledSession): string[] {
  const { origin, requestDigest, mandate } = signed.channelConfig;
  return [
    at,
    agent,
    new URL(origin).host,
    reason,
    charged.toString(),
    decimalAmount(charged),
    "",
    requestDigest ? shortCode(requestDigest) : "",
    mandate ? shortCode(mandate) : "",
    "0",
    id,
    String(calls.length),
    signed.channelConfig.network,
    "",
  ];
}

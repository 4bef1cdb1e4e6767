/** One audit over all shards. They cannot be read at one instant, so money between them counts only if two readings of the marks agree. */

import { AUDIT_ROUNDS } from "../limits.ts";
import type { AuditReport } from "./audit.ts";
import type { StreamMarks } from "./exchange.ts";
import type { ReceivedMark } from "./stream.ts";

export type ShardMarks = { shard: number } & StreamMarks;

/** One shard's part of an audit of all. */
export interface ShardAudit {
  report: AuditReport;
  marks: ShardMarks;
  /** Atomic units that this shard has sent to others beyond the given marks. */
  inFlight: string;
}

/** One shard, as the audit calls it. */
export interface AuditedShard {
  marks(): Promise<ShardMarks>;
  /** @param marks how much each other shard has applied of what this one sent */
  audit(marks: readonly ReceivedMark[]): Promise<ShardAudit>;
}

export interface LedgerAudit extends AuditReport {
  shards: number;
  /** Atomic units between shards, as far as known. */
  inFlight: string;
  /** False if payments kept moving between shards: the supply was not compared then. That is no failure. */
  conclusive: boolean;
}

/** Repeats until the marks before and after agree, at most AUDIT_ROUNDS times. */
export async function auditShards(shards: readonly AuditedShard[]): Promise<LedgerAudit> {
  for (let round = 1; ; round++) {
    const before = await Promise.all(shards.map((shard) => shard.marks()));
    const audits = await Promise.all(shards.map((shard, index) => shard.audit(appliedOf(before, index))));
    const audit = consolidate(before, audits);
    if (audit.conclusive || !audit.ok || round === AUDIT_ROUNDS) return audit;
  }
}

/** How much every other shard has applied of what `from` sent; `from` of a mark is the shard that applied it. */
export function appliedOf(marks: readonly ShardMarks[], from: number): ReceivedMark[] {
  return marks
    .filter(({ shard }) => shard !== from)
    .map(({ shard, received }) => ({ mark: 0, ...received.find((mark) => mark.from === from), from: shard }));
}

/** @param before the marks that the audits received, all read before the first audit */
export function consolidate(before: readonly ShardMarks[], audits: readonly ShardAudit[]): LedgerAudit {
  const reports = audits.map(({ report }) => report);
  const after = audits.map(({ marks }) => marks);
  const problems = audits.flatMap(({ report, marks }) => report.problems.map((problem) => `shard ${marks.shard}: ${problem}`));
  const { ledger = "", supply = "0" } = reports[0] ?? {};
  for (const [index, report] of reports.entries()) if (report.ledger !== ledger) problems.push(`shard ${index} is of another ledger`);
  problems.push(...contradictions(before, after));

  const sum = (values: string[]) => values.reduce((sum, value) => sum + BigInt(value), 0n);
  const balances = sum(reports.map((report) => report.balances));
  const inFlight = sum(audits.map((audit) => audit.inFlight));
  const conclusive = isOneCut(before, after);
  if (conclusive && balances + inFlight !== BigInt(supply)) {
    problems.push(`balances are ${balances} and ${inFlight} is on its way, the supply is ${supply}`);
  }
  const count = (of: (report: AuditReport) => number) => reports.reduce((total, report) => total + of(report), 0);
  return {
    ok: problems.length === 0,
    ledger,
    supply,
    balances: balances.toString(),
    held: sum(reports.map(({ held }) => held)).toString(),
    issued: sum(reports.map(({ issued = "0" }) => issued)).toString(),
    accounts: count(({ accounts }) => accounts),
    payments: {
      held: count(({ payments }) => payments.held),
      settled: count(({ payments }) => payments.settled),
      cancelled: count(({ payments }) => payments.cancelled),
    },
    sessions: count(({ sessions = 0 }) => sessions),
    journalEntries: count(({ journalEntries }) => journalEntries),
    problems,
    shards: audits.length,
    inFlight: inFlight.toString(),
    conclusive,
  };
}

/** Every stream, with what its sender and its receiver report. */
function streams(marks: readonly ShardMarks[]) {
  return marks.flatMap(({ shard: from, sent }) =>
    marks
      .filter(({ shard }) => shard !== from)
      .map(({ shard: to, received }) => {
        const { acknowledged = 0, sent: last = 0 } = sent.find((mark) => mark.to === to) ?? {};
        return { from, to, acknowledged, sent: last, applied: received.find((mark) => mark.from === from)?.mark ?? 0 };
      }),
  );
}

/** Marks only grow. If a mark was read first and is ahead of the other end's mark, which was read later, a shard was set back. */
function contradictions(before: readonly ShardMarks[], after: readonly ShardMarks[]): string[] {
  const earlier = streams(before);
  return streams(after).flatMap(({ from, to, sent, applied }, index) => {
    const past = earlier[index];
    const forgotByReceiver = (past?.acknowledged ?? 0) > applied;
    const forgotBySender = (past?.applied ?? 0) > sent;
    return [
      ...(forgotBySender ? [`shard ${from} has forgotten what it sent to shard ${to}: it was set back`] : []),
      ...(forgotByReceiver ? [`shard ${to} has forgotten what it had from shard ${from}: it was set back`] : []),
    ];
  });
}

/**
 * Whether the audits add up as if they were made at one instant: no receiver applied anything in between, and its mark lies
 * between what the sender has deleted and what it has sent.
 */
function isOneCut(before: readonly ShardMarks[], after: readonly ShardMarks[]): boolean {
  const earlier = streams(before);
  return streams(after).every(
    ({ acknowledged, sent, applied }, index) => applied === earlier[index]?.applied && acknowledged <= applied && applied <= sent,
  );
}

/** One audit over all shards. They are not read at one instant, so money between them is counted only where two rounds agree. */
import { AUDIT_ROUNDS } from "../limits.ts";
import type { AuditReport } from "./audit.ts";
import type { StreamMarks } from "./exchange.ts";
import type { ReceivedMark } from "./stream.ts";

export type ShardMarks = { shard: number } & StreamMarks;

/** One shard's part of an audit of all. */
export interface ShardAudit {
  report: AuditReport;
  marks: ShardMarks;
  /** Atomic units that this shard owes others beyond the marks that it was given. */
  inFlight: string;
}

/** How an audit reaches one shard. */
export interface AuditedShard {
  marks(): Promise<ShardMarks>;
  /** @param marks what each other shard has applied of what this one sent */
  audit(marks: readonly ReceivedMark[]): Promise<ShardAudit>;
}

export interface LedgerAudit extends AuditReport {
  shards: number;
  /** Atomic units on their way between shards, as far as known. */
  inFlight: string;
  /** False when payments kept moving between shards: then the supply was not compared. That is not a failure. */
  conclusive: boolean;
}

/** Reads until two rounds agree on the marks, or AUDIT_ROUNDS times. */
export async function auditShards(shards: readonly AuditedShard[]): Promise<LedgerAudit> {
  for (let round = 1; ; round++) {
    const before = await Promise.all(shards.map((shard) => shard.marks()));
    const audits = await Promise.all(shards.map((shard, index) => shard.audit(appliedOf(before, index))));
    const audit = consolidate(before, audits);
    if (audit.conclusive || !audit.ok || round === AUDIT_ROUNDS) return audit;
  }
}

/** What every other shard has applied of what `from` sent; `from` of a mark is the shard that applied it. */
export function appliedOf(marks: readonly ShardMarks[], from: number): ReceivedMark[] {
  return marks
    .filter(({ shard }) => shard !== from)
    .map(({ shard, received }) => ({ mark: 0, ...received.find((mark) => mark.from === from), from: shard }));
}

/** @param before the marks that the audits were given, read before any of them */
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
    accounts: count(({ accounts }) => accounts),
    payments: {
      held: count(({ payments }) => payments.held),
      settled: count(({ payments }) => payments.settled),
      cancelled: count(({ payments }) => payments.cancelled),
    },
    journalEntries: count(({ journalEntries }) => journalEntries),
    problems,
    shards: audits.length,
    inFlight: inFlight.toString(),
    conclusive,
  };
}

/** Every stream of which either end knows: what its sender and its receiver say. */
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

/** Marks only ever grow. One that was read first and is ahead of its other end, which was read later, is ahead for good. */
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
 * True when the audits add up as if they had been made at one instant: each receiver had applied what its senders were
 * told that it had, nothing of which the sender had dropped more, or not yet sent.
 */
function isOneCut(before: readonly ShardMarks[], after: readonly ShardMarks[]): boolean {
  const earlier = streams(before);
  return streams(after).every(
    ({ acknowledged, sent, applied }, index) => applied === earlier[index]?.applied && acknowledged <= applied && applied <= sent,
  );
}

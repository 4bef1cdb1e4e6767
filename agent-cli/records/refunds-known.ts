/** The refunds that this machine has read in an account's journal, kept in the audit log. */

import type { Digest } from "../../shared/crypto/digest.ts";
import type { Context } from "../runtime/context.ts";
import { exclusively } from "../runtime/lock.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import { appendEntry, type AuditEntry, type AuditLog, readAudit } from "./audit-log.ts";

export interface ReceivedRefund {
  /** The refund's own. */
  transaction: Digest;
  /** The payment that it gives back, or a part of it. */
  refundOf: Digest;
  /** Atomic units. */
  amount: string;
  /** RFC 3339, by the ledger's clock. */
  at: string;
}

/** Each refund once, in the order of the log. */
export function refundsKnown(entries: readonly AuditEntry[]): ReceivedRefund[] {
  const known = new Map<string, ReceivedRefund>();
  for (const { event, facts } of entries) {
    if (event !== "refund_received") continue;
    const { transaction, refundOf, amount, at } = facts as unknown as ReceivedRefund;
    known.set(transaction, { transaction, refundOf, amount, at });
  }
  return [...known.values()];
}

/** What came back of each payment, by its transaction, in atomic units. */
export function refundedSums(context: Context): Outcome<ReadonlyMap<string, bigint>> {
  const log = readAudit(context);
  return log.ok ? succeed(sumsOf(log.data)) : log;
}

/** The same, of a log that was read already. */
export function sumsOf({ older, entries }: AuditLog): ReadonlyMap<string, bigint> {
  const sums = new Map<string, bigint>();
  for (const { refundOf, amount } of refundsKnown([...older, ...entries])) sums.set(refundOf, (sums.get(refundOf) ?? 0n) + BigInt(amount));
  return sums;
}

/** Adds those that the log lacks. */
export function noteRefunds(context: Context, refunds: readonly ReceivedRefund[]): Promise<Outcome<undefined>> {
  if (refunds.length === 0) return Promise.resolve(succeed(undefined));
  return exclusively(context, () => {
    const log = readAudit(context);
    if (!log.ok) return log;
    const known = new Set(refundsKnown([...log.data.older, ...log.data.entries]).map(({ transaction }) => transaction));
    for (const refund of refunds.filter(({ transaction }) => !known.has(transaction))) {
      const entry = appendEntry(context, "refund_received", { ...refund });
      if (!entry.ok) return entry;
    }
    return succeed(undefined);
  });
}

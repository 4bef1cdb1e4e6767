/** The register's sales beside the checked journal of their payee: what fits, and each payment that does not. Pure. */

import { type Movement, type MovementKind, movementsOf } from "../../../../shared/books/movement.ts";
import { type Sum, Tally } from "../../../../shared/books/statement.ts";
import type { Digest } from "../../../../shared/crypto/digest.ts";
import type { JournalEntry } from "../../../../shared/ledger/journal.ts";
import { CLOCK_SKEW_SECONDS, MAX_HOLD_SECONDS, MAX_VALIDITY_SECONDS } from "../../../../shared/limits.ts";
import type { AccountId } from "../../../../shared/protocol/account.ts";
import type { RecordedSale } from "../memory/sales-register.ts";
import type { DayOfSales } from "./read-period.ts";

export type Difference =
  /** The shop recorded it as paid. The journal does not have it. */
  | { kind: "not_in_journal"; day: number; sale: RecordedSale }
  /** `value`: what the journal has. */
  | { kind: "amount"; day: number; sale: RecordedSale; entry: string; value: bigint }
  /** The shop recorded that it went back. The journal has no refund of it. */
  | { kind: "no_refund"; day: number; sale: RecordedSale }
  /** Of several payments of one entry the journal has the sum `value`; the shop recorded `recorded` for them. */
  | { kind: "sum"; entry: string; at: number; value: bigint; recorded: bigint }
  /** A payment that the shop did not record. Of several in one entry the ledger may list no amounts: then `value` is absent. */
  | { kind: "not_recorded"; entry: string; at: number; transaction: Digest; payer?: AccountId | undefined; value?: bigint | undefined };

export interface Comparison {
  /** The period, in which a sale that the shop did not know to be paid, and the journal has, is owed. */
  period: DayOfSales[];
  /** Recorded sales that the journal has, with their amounts. */
  found: Sum;
  /** What the journal has of these days, by the ledger's clock. */
  journal: {
    sale: Sum;
    refund: Sum;
    /** Everything else that came in, and that went out. */
    otherIn: Sum;
    otherOut: Sum;
  };
  differences: Difference[];
  /** Days before and after these, in whose registers a payment that is not recorded may be. */
  ask: number[];
}

const SECONDS_A_DAY = 86_400;

/**
 * @param entries since before the days, up to the last
 * @param around the days before and after, as far as they were asked for
 */
export function compare(
  period: readonly DayOfSales[],
  entries: readonly JournalEntry[],
  ledger: Digest,
  around: readonly DayOfSales[] = [],
): Comparison {
  const movements = entries.flatMap((entry) => movementsOf(entry, ledger, () => undefined));
  const paid = new Map<Digest, Movement>();
  const refunded = new Set<Digest>();
  for (const movement of movements) {
    if (movement.kind === "refund" && movement.refundOf) refunded.add(movement.refundOf);
    if (movement.kind === "sale") for (const transaction of transactionsOf(movement)) paid.set(transaction, movement);
  }
  const settled = period.map((day) => ({ ...day, sales: day.sales.map((sale) => withJournal(sale, paid)) }));
  const recorded = new Map(settled.flatMap(({ sales }) => sales.map((sale) => [sale.transaction, BigInt(sale.amount)] as const)));
  const sums = comparedSums(movements, recorded);

  const found = { payments: 0, value: 0n };
  const differences: Difference[] = [...sums.differences];
  for (const { day, sales } of settled) {
    for (const sale of sales) {
      if (sale.refund?.state === "made" && !refunded.has(sale.transaction)) differences.push({ kind: "no_refund", day, sale });
      const [amount, movement] = [BigInt(sale.amount), paid.get(sale.transaction)];
      // What an `upto` charged may be nothing: that has no entry.
      if (!movement && sale.status !== "pending" && amount > 0n) differences.push({ kind: "not_in_journal", day, sale });
      if (!movement) continue;
      if (movement.transactions ? sums.fit.has(movement.seq) : movement.value === amount) {
        found.payments++;
        found.value += amount;
      } else if (!movement.transactions) {
        differences.push({ kind: "amount", day, sale, entry: movement.seq, value: movement.value });
      }
    }
  }

  const range = rangeOf(period);
  const ofDays = movements.filter(({ at }) => at >= range.from && at < range.to);
  const others = new Set(around.flatMap(({ sales }) => sales.map(({ transaction }) => transaction)));
  const unrecorded = ofDays.filter(({ kind }) => kind === "sale").flatMap((sale) => notRecorded(sale, recorded, others));
  return {
    period: settled,
    found,
    journal: journalOf(ofDays),
    differences: [...period, ...around].every(({ whole }) => whole) ? [...differences, ...unrecorded] : differences,
    ask: neighboursOf(unrecorded, range),
  };
}

function transactionsOf({ transaction, transactions }: Movement): readonly Digest[] {
  return transactions ?? (transaction ? [transaction] : []);
}

/** Whether the money moved was unknown to the shop. It did: the goods are owed. */
function withJournal(sale: RecordedSale, paid: ReadonlyMap<Digest, Movement>): RecordedSale {
  return sale.status === "pending" && paid.has(sale.transaction) ? { ...sale, status: "owed" } : sale;
}

/** Sums of several payments whose amounts the ledger does not list: they fit if all are recorded, and add up. */
function comparedSums(
  movements: readonly Movement[],
  recorded: ReadonlyMap<Digest, bigint>,
): { fit: Set<string>; differences: Difference[] } {
  const fit = new Set<string>();
  const differences: Difference[] = [];
  for (const { transactions, seq, at, value } of movements) {
    if (!transactions) continue;
    const known = transactions.flatMap((transaction) => recorded.get(transaction) ?? []);
    const sum = known.reduce((sum, amount) => sum + amount, 0n);
    const isWhole = known.length === transactions.length;
    if (isWhole && sum === value) fit.add(seq);
    // Each payment is at least one unit.
    else if (known.length > 0 && (isWhole || sum > value - BigInt(transactions.length - known.length)))
      differences.push({ kind: "sum", entry: seq, at, value, recorded: sum });
  }
  return { fit, differences };
}

function notRecorded(
  movement: Movement,
  recorded: ReadonlyMap<Digest, bigint>,
  others: ReadonlySet<Digest>,
): Extract<Difference, { kind: "not_recorded" }>[] {
  const { seq: entry, at, counterparty: payer, value } = movement;
  return transactionsOf(movement)
    .filter((transaction) => !recorded.has(transaction) && !others.has(transaction))
    .map((transaction) => ({ kind: "not_recorded", entry, at, transaction, payer, value: movement.transactions ? undefined : value }));
}

function rangeOf(period: readonly DayOfSales[]): { from: number; to: number } {
  const days = period.map(({ day }) => day);
  return { from: Math.min(...days), to: Math.max(...days) + SECONDS_A_DAY };
}

/** The register has a payment under the day from which it was valid. It settles within its validity and a hold, or a little earlier. */
function neighboursOf(unrecorded: readonly { at: number }[], { from, to }: { from: number; to: number }): number[] {
  const isEarly = unrecorded.some(({ at }) => at < from + MAX_VALIDITY_SECONDS + MAX_HOLD_SECONDS);
  const isLate = unrecorded.some(({ at }) => at >= to - CLOCK_SKEW_SECONDS);
  return [...(isEarly ? [from - SECONDS_A_DAY] : []), ...(isLate ? [to] : [])];
}

function journalOf(movements: readonly Movement[]): Comparison["journal"] {
  const tally = new Tally();
  for (const movement of movements) tally.add(movement);
  const together = (...kinds: MovementKind[]): Sum => {
    const sums = kinds.map((kind) => tally.of(kind));
    return { payments: sums.reduce((n, { payments }) => n + payments, 0), value: sums.reduce((n, { value }) => n + value, 0n) };
  };
  return {
    sale: tally.of("sale"),
    refund: tally.of("refund"),
    otherIn: together("transfer_in", "refund_received", "funding"),
    otherOut: together("transfer_out", "purchase"),
  };
}

/** The movements of an account's money: what each entry of its checked journal means to a seller. */

import type { Digest } from "../crypto/digest.ts";
import type { EntryCause, JournalEntry } from "../ledger/journal.ts";
import { treasuryOf } from "../ledger/shards.ts";
import type { AccountId } from "../protocol/account.ts";

/** What a merchant's own record says of a payment. `amount`: atomic units. */
export interface PaymentRecord {
  payer: AccountId;
  amount: bigint;
}

/** Money that came in, and money that went out. */
export const INCOMING = ["sale", "transfer_in", "refund_received", "funding"] as const;
export const OUTGOING = ["refund", "transfer_out", "purchase"] as const;
export type MovementKind = (typeof INCOMING)[number] | (typeof OUTGOING)[number];

export interface Movement {
  kind: MovementKind;
  /** The journal's entry. */
  seq: string;
  /** Unix seconds of the ledger. */
  at: number;
  value: bigint;
  counterparty?: AccountId | undefined;
  /** Absent if it is the sum of several payments. */
  transaction?: Digest | undefined;
  /** Of a refund: the payment that it gives back, or a part of it. */
  refundOf?: Digest | undefined;
  /** Who says what this payment's share of its entry is. `sum`: none does, and this is the sum of `transactions`. */
  source: "ledger" | "merchant" | "sum";
  /** The payments that a sum is of. */
  transactions?: readonly Digest[];
  payments: number;
}

/** @param find the merchant's own record of a payment, if it has one */
export function movementsOf(entry: JournalEntry, ledger: Digest, find: (transaction: Digest) => PaymentRecord | undefined): Movement[] {
  const { seq, value, counterparty, transaction, refundOf } = entry;
  if (entry.kind === "batch") return batchMovements(entry, ledger, find);
  const movement = { seq, at: Number(entry.at), value: BigInt(value), source: "ledger", payments: 1 } as const;
  return [{ ...movement, kind: kindOf(entry, ledger), counterparty, transaction, refundOf }];
}

const SENT: Record<EntryCause | "payment", MovementKind> = {
  payment: "purchase",
  claim: "purchase",
  refund: "refund",
  transfer: "transfer_out",
};
const RECEIVED: Record<EntryCause | "payment", MovementKind> = {
  payment: "sale",
  claim: "sale",
  refund: "refund_received",
  transfer: "transfer_in",
};

function kindOf({ kind, cause, counterparty }: JournalEntry, ledger: Digest): MovementKind {
  if (kind === "debit") return SENT[cause ?? "payment"];
  return kind === "genesis" ? "funding" : receivedFrom(counterparty, ledger, RECEIVED[cause ?? "payment"]);
}

/** The treasury buys nothing. */
function receivedFrom(payer: AccountId | undefined, ledger: Digest, kind: MovementKind): MovementKind {
  return payer === treasuryOf(ledger) ? "funding" : kind;
}

/**
 * The payments of a batch. The journal has their transactions and their sum, and the ledger lists who paid what, if its shards know. Else
 * the merchant's record has the amounts; what it does not have is one line with the rest. What contradicts the sum is not used.
 */
function batchMovements(
  { seq, at, value, batch, transactions = [], credits = [] }: JournalEntry,
  ledger: Digest,
  find: (transaction: Digest) => PaymentRecord | undefined,
): Movement[] {
  const common = { kind: "sale", seq, at: Number(at) } as const;
  const total = BigInt(value);
  const listed = credits.map(({ transaction, payer, value }): Movement => {
    const kind = receivedFrom(payer, ledger, "sale");
    return { ...common, kind, value: BigInt(value), counterparty: payer, transaction, source: "ledger", payments: 1 };
  });
  const isWhole = listed.length === transactions.length && listed.every(({ transaction }, i) => transaction === transactions[i]);
  if (listed.length > 0 && isWhole && sumOf(listed) === total) return listed;

  const [only] = transactions;
  if (only !== undefined && transactions.length === 1) {
    return [{ ...common, value: total, counterparty: find(only)?.payer, transaction: only, source: "ledger", payments: 1 }];
  }
  const known = transactions.flatMap((transaction): Movement[] => {
    const record = find(transaction);
    if (!record) return [];
    return [{ ...common, value: record.amount, counterparty: record.payer, transaction, source: "merchant", payments: 1 }];
  });
  const unknown = transactions.filter((transaction) => !find(transaction));
  const rest = total - sumOf(known);
  const asSum = (value: bigint, transactions: readonly Digest[]): Movement => {
    return { ...common, value, source: "sum", transactions, payments: transactions.length || Number(batch?.count ?? 1) };
  };
  if (known.length > 0 && unknown.length === 0 && rest === 0n) return known;
  // Each payment is at least one unit.
  const fits = known.length > 0 && unknown.length > 0 && rest >= BigInt(unknown.length);
  return fits ? [...known, asSum(rest, unknown)] : [asSum(total, transactions)];
}

function sumOf(movements: readonly Movement[]): bigint {
  return movements.reduce((sum, { value }) => sum + value, 0n);
}

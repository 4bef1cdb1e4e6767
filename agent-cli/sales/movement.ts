/** The movements of an account's money: what each entry of its checked journal means to a seller. */

import type { Digest } from "../../shared/crypto/digest.ts";
import type { JournalEntry } from "../../shared/ledger/journal.ts";
import { treasuryOf } from "../../shared/ledger/shards.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import type { SaleRecord } from "./records.ts";

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
  /** Who says what this payment's share of its entry is. `sum`: nobody does, and this is the sum of `transactions`. */
  source: "ledger" | "merchant" | "sum";
  /** The payments that a sum is of. */
  transactions?: readonly Digest[];
  payments: number;
}

/** @param find the merchant's own record of a payment, if it has one */
export function movementsOf(entry: JournalEntry, ledger: Digest, find: (transaction: Digest) => SaleRecord | undefined): Movement[] {
  const { seq, value, counterparty, transaction } = entry;
  const movement = { seq, at: Number(entry.at), value: BigInt(value), source: "ledger", payments: 1 } as const;
  if (entry.kind === "batch") return batchMovements(entry, find);
  return [{ ...movement, kind: kindOf(entry, ledger), counterparty, transaction }];
}

function kindOf({ kind, counterparty }: JournalEntry, ledger: Digest): MovementKind {
  if (kind === "debit") return "purchase";
  return kind === "genesis" || counterparty === treasuryOf(ledger) ? "funding" : "sale";
}

/**
 * The payments of a batch. The journal has their transactions and their sum. One payment is the sum. Of several, the merchant's record has
 * the amounts; what it does not have is one line with the rest. A record that contradicts the sum is not used.
 */
function batchMovements({ seq, at, value, batch, transactions = [] }: JournalEntry, find: (transaction: Digest) => SaleRecord | undefined) {
  const common = { kind: "sale", seq, at: Number(at) } as const;
  const [only] = transactions;
  if (only !== undefined && transactions.length === 1) {
    const payer = find(only)?.payer;
    return [{ ...common, value: BigInt(value), counterparty: payer, transaction: only, source: "ledger", payments: 1 } as const];
  }
  const known: Movement[] = [];
  const unknown: Digest[] = [];
  for (const transaction of transactions) {
    const record = find(transaction);
    if (!record) unknown.push(transaction);
    else known.push({ ...common, value: record.amount, counterparty: record.payer, transaction, source: "merchant", payments: 1 });
  }
  const rest = known.reduce((left, movement) => left - movement.value, BigInt(value));
  // Each payment is at least one unit.
  const fits = unknown.length === 0 ? rest === 0n : rest >= BigInt(unknown.length);
  const sum = (value: bigint, transactions: readonly Digest[], payments: number): Movement => ({
    ...common,
    value,
    source: "sum",
    transactions,
    payments,
  });
  if (!fits) return [sum(BigInt(value), transactions, transactions.length)];
  if (transactions.length === 0) return [sum(BigInt(value), [], Number(batch?.count ?? 1))];
  return unknown.length === 0 ? known : [...known, sum(rest, unknown, unknown.length)];
}

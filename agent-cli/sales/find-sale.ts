/** One sale in the checked journal of its payee: its credit, who paid, and what was given back of it. */

import type { Digest } from "../../shared/crypto/digest.ts";
import type { JournalEntry } from "../../shared/ledger/journal.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import { formatTimestamp } from "../../shared/time.ts";
import { type ChainSource, readChain } from "../facilitator/account-chain.ts";
import { fail, type Failure, type Outcome, succeed } from "../runtime/outcome.ts";

export interface RefundableSale {
  transaction: Digest;
  /** The number of its credit in the payee's journal. */
  entry: string;
  /** Unix seconds of the ledger. */
  at: number;
  payer: AccountId;
  /** Atomic units. */
  value: bigint;
  refunded: bigint;
  /** The refunds that it is the sum of, by their own transactions. */
  refunds: ReadonlySet<string>;
  /** One of several payments of its entry: who paid, and how much of the sum, is the ledger's word. */
  ofBatch: boolean;
}

/** Reads the whole chain, and checks each link of it. */
export async function findSale(source: ChainSource, transaction: Digest): Promise<Outcome<RefundableSale>> {
  let credit: JournalEntry | undefined;
  let refunded = 0n;
  const refunds = new Set<string>();
  const chain = await readChain(source, async (entries) => {
    for (const entry of entries) {
      if (entry.transaction === transaction || entry.transactions?.includes(transaction)) credit ??= entry;
      if (entry.kind !== "debit" || entry.cause !== "refund" || entry.refundOf !== transaction) continue;
      refunded += BigInt(entry.value);
      if (entry.transaction) refunds.add(entry.transaction);
    }
    return succeed(undefined);
  });
  if (!chain.ok) return chain;
  if (!credit) return notFound(source.account, transaction, chain.data.base?.seq);
  const paid = paymentOf(credit, transaction);
  return paid.ok ? succeed({ transaction, entry: credit.seq, at: Number(credit.at), refunded, refunds, ...paid.data }) : paid;
}

function paymentOf(entry: JournalEntry, transaction: Digest): Outcome<Pick<RefundableSale, "payer" | "value" | "ofBatch">> {
  const { kind, cause, counterparty, value, credits = [], transactions = [], at } = entry;
  if (kind === "credit" && cause === undefined && counterparty)
    return succeed({ payer: counterparty, value: BigInt(value), ofBatch: false });
  if (kind !== "batch") {
    const what = cause ?? (kind === "debit" ? "payment of this account" : kind);
    return fail("sale_not_found", `Transaction ${transaction} is no sale: it is a ${what}, of ${formatTimestamp(Number(at))}.`, {
      hint: "Only what a buyer paid to this account can be refunded: lez-agent-pay sales list",
    });
  }
  const listed = credits.find((credit) => credit.transaction === transaction);
  // The ledger may not say that one payment was more than all of them.
  if (listed && BigInt(listed.value) <= BigInt(value))
    return succeed({ payer: listed.payer, value: BigInt(listed.value), ofBatch: transactions.length > 1 });
  return fail("unsupported", "The ledger does not say who made this payment: an earlier version of it wrote the entry.", {
    hint: "It cannot be refunded at the ledger. Pay the buyer another way.",
  });
}

function notFound(account: AccountId, transaction: Digest, pruned: string | undefined): Failure {
  return fail("sale_not_found", `The journal of ${account} has no transaction ${transaction}.`, {
    hint:
      pruned === undefined
        ? "lez-agent-pay sales list shows what was sold. Is it the account of this owner's key?"
        : `Its entries up to ${pruned} are pruned: what was sold then cannot be refunded any more.`,
  });
}

/** Compares the refunds of an account with its journal: with the debits that paid them, and with the credits that they gave back. */

import type { AccountId } from "../protocol/account.ts";
import { type JournalEntry, readEntry } from "./journal.ts";
import { creditIn } from "./refund-table.ts";
import { type RefundRow, Refunds } from "./refunds.ts";
import type { LedgerStore } from "./store.ts";

export class RefundAudit {
  readonly #store: LedgerStore;
  readonly #id: AccountId;
  readonly #refunds: readonly RefundRow[];
  /** By the number of its debit, each refund whose debit was not seen yet. */
  readonly #open: Map<number, RefundRow>;
  readonly #problems: string[] = [];

  /** @param base the number of the account's last pruned entry; 0 without one */
  constructor(store: LedgerStore, id: AccountId, base: number) {
    this.#store = store;
    this.#id = id;
    this.#refunds = new Refunds(store).of(id);
    this.#open = new Map(this.#refunds.filter(({ seq }) => seq > base).map((refund) => [refund.seq, refund]));
    for (const sums of Map.groupBy(this.#refunds, ({ refund_of }) => refund_of).values()) this.#addUp(sums, base);
  }

  /** Takes an entry whose cause is a refund. The credit of one is its payer's. */
  see({ kind, seq, transaction, refundOf, counterparty, value, mandate }: JournalEntry): void {
    if (kind !== "debit") return;
    const refund = this.#open.get(Number(seq));
    this.#open.delete(Number(seq));
    const isSame =
      refund?.tx === transaction &&
      refund?.refund_of === refundOf &&
      refund?.payer === counterparty &&
      refund?.value === value &&
      (refund?.mandate ?? undefined) === mandate;
    if (!isSame) this.#problems.push(`no refund like debit ${transaction}`);
  }

  differences(): string[] {
    const missing = this.#open.values().map(({ tx }) => `no debit for refund ${tx}`);
    return [...this.#problems, ...missing].map((problem) => `${this.#id}: ${problem}`);
  }

  /** The refunds of one payment: each sum follows from the one before, and the last is not more than the payment. */
  #addUp(refunds: readonly RefundRow[], base: number): void {
    let sum: bigint | undefined;
    for (const refund of refunds) {
      // Of a pruned credit, the first refunds may be forgotten.
      const before: bigint = sum ?? (refund.entry > base ? 0n : BigInt(refund.sum) - BigInt(refund.value));
      sum = BigInt(refund.sum);
      if (sum !== before + BigInt(refund.value)) this.#problems.push(`the sum of refund ${refund.tx} does not add up`);
      if (refund.entry > base && sum > this.#paid(refund)) this.#problems.push(`refund ${refund.tx} gives back more than was paid`);
    }
  }

  /** What its payer paid. 0 if the entry says nothing of it. */
  #paid({ entry, refund_of, payer }: RefundRow): bigint {
    const found = readEntry(this.#store, this.#id, entry);
    const credit = found && creditIn(found, refund_of);
    return credit?.payer === payer ? BigInt(credit.value) : 0n;
  }
}

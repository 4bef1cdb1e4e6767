/** Credits for accounts of other shards: a row per payment, written in its transaction and deleted when its receiver has applied it. */

import type { Digest } from "../crypto/digest.ts";
import { OUTBOX_BATCH } from "../limits.ts";
import type { AccountId } from "../protocol/account.ts";
import type { Amount } from "../protocol/amount.ts";
import { integer, nullable, oneOf, row, type RowOf, text } from "../row.ts";
import { invariant, type LedgerStore } from "./store.ts";
import { type Batch, type Credit, CREDIT_KINDS, nextHead, streamStart } from "./stream.ts";

/** The progress of the stream to one shard. */
export interface SentMark {
  to: number;
  /** The number of the last credit that the receiver has acknowledged. */
  acknowledged: number;
  /** The number of the last credit that was sent. */
  sent: number;
}

const CREDIT = {
  number: integer(),
  payee: text<AccountId>(),
  value: text<Amount>(),
  tx: text<Digest>(),
  payer: nullable(text<AccountId>()),
  kind: nullable(oneOf(...CREDIT_KINDS)),
  refund_of: nullable(text<Digest>()),
  session: nullable(text<Digest>()),
};
type CreditRow = RowOf<typeof CREDIT>;
const creditRow = row(CREDIT);
const toRow = row({ to_shard: integer() });
const valueRow = row({ value: text() });
const markRow = row({ number: integer(), head: text<Digest>() });

export class Outbox {
  readonly #store: LedgerStore;
  readonly #ledger: Digest;
  readonly #shard: number;

  constructor(store: LedgerStore, ledger: Digest, shard: number) {
    this.#store = store;
    this.#ledger = ledger;
    this.#shard = shard;
  }

  append(to: number, { payee, value, transaction, payer, kind, refundOf, session }: Credit): void {
    // Its number follows the last row's or, if none waits, the last acknowledged one. A counter would cost a write per payment.
    this.#store.sql(
      "INSERT INTO outbox (to_shard, number, payee, value, tx, payer, kind, refund_of, session) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
      to,
      this.sentTo(to) + 1,
      payee,
      value,
      transaction,
      payer ?? null,
      kind ?? null,
      refundOf ?? null,
      session ?? null,
    );
  }

  /** The number of the last credit to that shard. */
  sentTo(to: number): number {
    const last = this.#store.sql("SELECT max(number) AS last FROM outbox WHERE to_shard = ?", to)[0]?.["last"];
    return typeof last === "number" ? last : this.#acknowledged(to).number;
  }

  /** The number of credits that wait for that shard. */
  backlog(to: number): number {
    return this.sentTo(to) - this.#acknowledged(to).number;
  }

  /** The shards for which credits wait. */
  destinations(): number[] {
    return this.#store.sql("SELECT DISTINCT to_shard FROM outbox").map((row) => toRow(row).to_shard);
  }

  /** The oldest credits that wait for that shard; undefined if none waits. */
  nextBatch(to: number): Batch | undefined {
    const { number, head } = this.#acknowledged(to);
    const rows = this.#rows(to, OUTBOX_BATCH);
    if (rows.length === 0) return undefined;
    // After a gap, credits would be sent under wrong numbers, and applied twice.
    invariant(rows.at(-1)?.number === number + rows.length, `credits to shard ${to} are numbered without gaps`);
    return { ledger: this.#ledger, from: this.#shard, to, after: number, head, credits: rows.map(creditOf) };
  }

  /** The head of the stream to that shard after credit number `mark`; undefined if that credit is deleted or was never sent. */
  headAt(to: number, mark: number): Digest | undefined {
    let { number, head } = this.#acknowledged(to);
    if (mark < number || mark > this.sentTo(to)) return undefined;
    for (const row of this.#rows(to, mark - number)) head = nextHead(head, ++number, creditOf(row));
    return head;
  }

  /**
   * Deletes the credits up to `mark`. Repeated, late and reordered marks change nothing.
   * @param head the receiver's, which the caller has compared with `headAt` the mark
   * @returns whether there were any
   */
  acknowledge(to: number, mark: number, head: Digest): boolean {
    if (mark <= this.#acknowledged(to).number) return false;
    this.#store.sql("DELETE FROM outbox WHERE to_shard = ? AND number <= ?", to, mark);
    this.#store.sql(
      `INSERT INTO acknowledged (to_shard, number, head) VALUES (?, ?, ?)
       ON CONFLICT (to_shard) DO UPDATE SET number = excluded.number, head = excluded.head`,
      to,
      mark,
      head,
    );
    return true;
  }

  /** Every stream that was ever used. */
  marks(): SentMark[] {
    const shards = this.#store.sql("SELECT to_shard FROM outbox UNION SELECT to_shard FROM acknowledged ORDER BY to_shard");
    return shards.map((row) => {
      const { to_shard: to } = toRow(row);
      return { to, acknowledged: this.#acknowledged(to).number, sent: this.sentTo(to) };
    });
  }

  /** Atomic units that wait for that shard beyond the number `mark`. */
  valueBeyond(to: number, mark: number): bigint {
    const rows = this.#store.sql("SELECT value FROM outbox WHERE to_shard = ? AND number > ?", to, mark);
    return rows.reduce((sum, row) => sum + BigInt(valueRow(row).value), 0n);
  }

  #acknowledged(to: number): { number: number; head: Digest } {
    const [row] = this.#store.sql("SELECT number, head FROM acknowledged WHERE to_shard = ?", to);
    return row ? markRow(row) : { number: 0, head: streamStart(this.#ledger, this.#shard, to) };
  }

  #rows(to: number, limit: number): CreditRow[] {
    return this.#store
      .sql(
        "SELECT number, payee, value, tx, payer, kind, refund_of, session FROM outbox WHERE to_shard = ? ORDER BY number LIMIT ?",
        to,
        limit,
      )
      .map(creditRow);
  }
}

function creditOf({ payee, value, tx, payer, kind, refund_of: refundOf, session }: CreditRow): Credit {
  return {
    payee,
    value,
    transaction: tx,
    ...(payer !== null && { payer }),
    ...(kind !== null && { kind }),
    ...(refundOf !== null && { refundOf }),
    ...(session !== null && { session }),
  };
}

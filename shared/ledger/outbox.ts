/** What this shard owes accounts of other shards: a row per payment, in the payment's own transaction, until the other side has it. */
import type { Digest } from "../crypto/digest.ts";
import { OUTBOX_BATCH } from "../limits.ts";
import { invariant, type LedgerStore, type Row } from "./store.ts";
import { type Batch, type Credit, nextHead, streamStart } from "./stream.ts";

/** How far the stream to one shard has come. */
export interface SentMark {
  to: number;
  /** The number of the last credit that the receiver is known to have. */
  acknowledged: number;
  /** The number of the last credit of all. */
  sent: number;
}

export class Outbox {
  readonly #store: LedgerStore;
  readonly #ledger: Digest;
  readonly #shard: number;

  constructor(store: LedgerStore, ledger: Digest, shard: number) {
    this.#store = store;
    this.#ledger = ledger;
    this.#shard = shard;
  }

  append(to: number, { payee, value, transaction }: Credit): void {
    // The last number is not stored: it is the last row's or, when none waits, the last acknowledged one. A write less per payment.
    this.#store.sql(
      "INSERT INTO outbox (to_shard, number, payee, value, tx) VALUES (?, ?, ?, ?, ?)",
      to,
      this.sentTo(to) + 1,
      payee,
      value,
      transaction,
    );
  }

  /** The number of the last credit to that shard. */
  sentTo(to: number): number {
    const last = this.#store.sql("SELECT max(number) AS last FROM outbox WHERE to_shard = ?", to)[0]?.["last"];
    return typeof last === "number" ? last : this.#acknowledged(to).number;
  }

  /** How many credits wait for that shard. */
  backlog(to: number): number {
    return this.sentTo(to) - this.#acknowledged(to).number;
  }

  /** Shards for which something waits. */
  destinations(): number[] {
    return this.#store.sql("SELECT DISTINCT to_shard FROM outbox").map((row) => Number(row["to_shard"]));
  }

  /** The oldest credits that wait for that shard; undefined when none does. */
  nextBatch(to: number): Batch | undefined {
    const { number, head } = this.#acknowledged(to);
    const rows = this.#rows(to, OUTBOX_BATCH);
    if (rows.length === 0) return undefined;
    // Behind a gap credits would travel under other numbers than their own, and those of them that arrived be sent again.
    invariant(rows.at(-1)?.["number"] === number + rows.length, `credits to shard ${to} are numbered without gaps`);
    return { ledger: this.#ledger, from: this.#shard, to, after: number, head, credits: rows.map(creditOf) };
  }

  /** The head of the stream to that shard after credit number `mark`. Undefined when that is forgotten, or was never sent. */
  headAt(to: number, mark: number): Digest | undefined {
    let { number, head } = this.#acknowledged(to);
    if (mark < number || mark > this.sentTo(to)) return undefined;
    for (const row of this.#rows(to, mark - number)) head = nextHead(head, ++number, creditOf(row));
    return head;
  }

  /**
   * Forgets what that shard has. Repeated, late and reordered marks change nothing.
   * @param head the receiver's, and `headAt` the mark: the caller has compared them
   * @returns true when there was something to forget
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

  /** Every stream that ever carried something. */
  marks(): SentMark[] {
    const shards = this.#store.sql("SELECT to_shard FROM outbox UNION SELECT to_shard FROM acknowledged ORDER BY to_shard");
    return shards.map((row) => {
      const to = Number(row["to_shard"]);
      return { to, acknowledged: this.#acknowledged(to).number, sent: this.sentTo(to) };
    });
  }

  /** Atomic units that wait for that shard beyond the number `mark`. */
  valueBeyond(to: number, mark: number): bigint {
    const rows = this.#store.sql("SELECT value FROM outbox WHERE to_shard = ? AND number > ?", to, mark);
    return rows.reduce((sum, row) => sum + BigInt(String(row["value"])), 0n);
  }

  #acknowledged(to: number): { number: number; head: Digest } {
    const [row] = this.#store.sql("SELECT number, head FROM acknowledged WHERE to_shard = ?", to);
    if (row) return { number: Number(row["number"]), head: row["head"] as Digest };
    return { number: 0, head: streamStart(this.#ledger, this.#shard, to) };
  }

  #rows(to: number, limit: number): Row[] {
    return this.#store.sql("SELECT number, payee, value, tx FROM outbox WHERE to_shard = ? ORDER BY number LIMIT ?", to, limit);
  }
}

function creditOf(row: Row): Credit {
  return { payee: row["payee"], value: row["value"], transaction: row["tx"] } as Credit;
}

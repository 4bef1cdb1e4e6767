/** How far this shard has applied what each other shard sent it. */
import type { Digest } from "../crypto/digest.ts";
import type { LedgerStore } from "./store.ts";
import { type Batch, type Credit, nextHead, type ReceivedMark, streamStart } from "./stream.ts";

export type Accepted =
  | {
      ok: true;
      /** The number of the last credit that counts as applied, and the stream's head there. */
      mark: number;
      head: Digest;
      /** Those to apply now. */
      fresh: Credit[];
    }
  | { ok: false; fault: "sender_rewound" | "receiver_rewound" };

export class Inbox {
  readonly #store: LedgerStore;
  readonly #ledger: Digest;
  readonly #shard: number;

  constructor(store: LedgerStore, ledger: Digest, shard: number) {
    this.#store = store;
    this.#ledger = ledger;
    this.#shard = shard;
  }

  /**
   * Moves the mark over a batch, and says which of its credits are new. Whatever was applied before is passed over, so
   * batches may come twice, late and in any order. The caller applies the new ones in the same transaction.
   *
   * A batch that ends before the mark cannot be compared here. The sender compares: it is told the head at the mark.
   */
  accept({ from, after, head, credits }: Batch): Accepted {
    const applied = this.#applied(from);
    // The sender drops only what it was told that we have: if it starts beyond our mark, we have forgotten.
    if (after > applied.number) return { ok: false, fault: "receiver_rewound" };
    let number = after;
    let reached = head;
    const fresh: Credit[] = [];
    for (const credit of credits) {
      if (number === applied.number && reached !== applied.head) return { ok: false, fault: "sender_rewound" };
      number++;
      reached = nextHead(reached, number, credit);
      if (number <= applied.number) continue;
      fresh.push(credit);
    }
    if (number === applied.number && reached !== applied.head) return { ok: false, fault: "sender_rewound" };
    if (fresh.length === 0) return { ok: true, mark: applied.number, head: applied.head, fresh };
    this.#store.sql(
      `INSERT INTO received (from_shard, number, head) VALUES (?, ?, ?)
       ON CONFLICT (from_shard) DO UPDATE SET number = excluded.number, head = excluded.head`,
      from,
      number,
      reached,
    );
    return { ok: true, mark: number, head: reached, fresh };
  }

  marks(): ReceivedMark[] {
    return this.#store
      .sql("SELECT from_shard, number, head FROM received ORDER BY from_shard")
      .map((row) => ({ from: Number(row["from_shard"]), mark: Number(row["number"]), head: row["head"] as Digest }));
  }

  #applied(from: number): { number: number; head: Digest } {
    const [row] = this.#store.sql("SELECT number, head FROM received WHERE from_shard = ?", from);
    if (row) return { number: Number(row["number"]), head: row["head"] as Digest };
    return { number: 0, head: streamStart(this.#ledger, from, this.#shard) };
  }
}

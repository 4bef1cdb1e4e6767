/** How much of each other shard's stream this shard has applied. */

import type { Digest } from "../crypto/digest.ts";
import { integer, row, text } from "../row.ts";
import type { LedgerStore } from "./store.ts";
import { type Batch, type Credit, nextHead, type ReceivedMark, streamStart } from "./stream.ts";

export type Accepted =
  | {
      ok: true;
      /** The number of the last applied credit, and the stream's head after it. */
      mark: number;
      head: Digest;
      /** The credits to apply now. */
      fresh: Credit[];
    }
  | { ok: false; fault: "sender_rewound" | "receiver_rewound" };

const MARK = { number: integer(), head: text<Digest>() };
const markRow = row(MARK);
const receivedRow = row({ ...MARK, from_shard: integer() });

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
   * Moves the mark to the end of a batch and returns its new credits, which the caller applies in the same transaction.
   * Credits that were applied before are skipped, so batches may arrive twice, late and in any order.
   *
   * A batch that ends before the mark cannot be compared here. Its sender compares: the answer has the head at the mark.
   */
  accept({ from, after, head, credits }: Batch): Accepted {
    const applied = this.#applied(from);
    // The sender deletes only what this shard has acknowledged: if it starts beyond our mark, we lost credits.
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
      .map(receivedRow)
      .map(({ from_shard: from, number: mark, head }) => ({ from, mark, head }));
  }

  #applied(from: number): { number: number; head: Digest } {
    const [row] = this.#store.sql("SELECT number, head FROM received WHERE from_shard = ?", from);
    return row ? markRow(row) : { number: 0, head: streamStart(this.#ledger, from, this.#shard) };
  }
}

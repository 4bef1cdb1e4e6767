/**
 * Reads an account's journal page by page, from its first entry, or the last pruned one, to its head, and checks every entry before it is
 * handed on. The terminal, the explorer and the seller's page read with it.
 */

import type { Digest } from "../crypto/digest.ts";
import type { JournalEntry, JournalPage, Link } from "../ledger/journal.ts";
import type { AccountId } from "../protocol/account.ts";
import { type ChainHead, type Difference, firstDifference, headDifference } from "./chain.ts";

/** Where a chain is read: a facilitator, or a ledger in this process. */
export interface ChainSource<Failure extends { ok: false }> {
  account: AccountId;
  ledger: Digest;
  head: ChainHead;
  /** The entries that follow number `after`, oldest first. */
  page(after: number): Promise<{ ok: true; data: JournalPage } | Failure>;
}

/** How a reading ends. */
export type ChainEnd<Failure> =
  /** Up to the head that the ledger names. */
  | { kind: "whole" }
  | { kind: "differs"; difference: Difference }
  /** The ledger pruned entries that were to be read next. */
  | { kind: "pruned" }
  /** A page did not come. */
  | { kind: "unread"; failure: Failure };

export interface ChainStep<Failure> {
  /** Checked, oldest first. */
  entries: JournalEntry[];
  /** The last pruned entry, which the first of these continues. */
  base?: Link;
  /** Of the last step. */
  end?: ChainEnd<Failure>;
}

/**
 * One step for each page, and a last one with the end. A caller that has read enough leaves the loop.
 * @param from the entry to read on from, which was checked; without it the account's first
 */
export async function* walkChain<Failure extends { ok: false }>(
  source: ChainSource<Failure>,
  from?: Link,
): AsyncGenerator<ChainStep<Failure>, void> {
  let last = from;
  let end: ChainEnd<Failure> | undefined;
  while (!end && numberOf(last) < source.head.seq) {
    const step = await nextStep(source, last);
    end = step.end;
    yield step;
    last = step.entries.at(-1) ?? step.base ?? last;
    if (step.entries.length === 0) break;
  }
  if (end) return;
  const difference = headDifference(source.head, last, source.ledger);
  yield { entries: [], end: difference ? { kind: "differs", difference } : { kind: "whole" } };
}

async function nextStep<Failure extends { ok: false }>(source: ChainSource<Failure>, last: Link | undefined): Promise<ChainStep<Failure>> {
  const after = numberOf(last);
  const read = await source.page(after);
  if (!read.ok) return { entries: [], end: { kind: "unread", failure: read } };
  const base = read.data.base && Number(read.data.base.seq) > after ? read.data.base : undefined;
  if (base && last) return { entries: [], end: { kind: "pruned" } };
  const begun = base ? { base } : {};
  // The account may have moved on since its head was read.
  const entries = read.data.entries.filter(({ seq }) => Number(seq) <= source.head.seq);
  const difference = firstDifference(entries, last ?? base, source);
  if (!difference) return { ...begun, entries };
  const good = entries.slice(0, Number(difference.entry) - numberOf(last ?? base) - 1);
  return { ...begun, entries: good, end: { kind: "differs", difference } };
}

function numberOf(link: Link | undefined): number {
  return Number(link?.seq ?? 0);
}

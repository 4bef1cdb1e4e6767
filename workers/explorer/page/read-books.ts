/** Reads an account's journal page by page, and checks each page before it is shown. What was read stays if a later read fails. */

import type { AccountAnswer } from "../../../shared/books/answers.ts";
import { type Chain, type Difference, type Signature, signatureUnder } from "../../../shared/books/chain.ts";
import { type ChainEnd, type ChainSource, walkChain } from "../../../shared/books/walk-chain.ts";
import type { Digest } from "../../../shared/crypto/digest.ts";
import type { JournalEntry, JournalPage, Link } from "../../../shared/ledger/journal.ts";
import type { AccountId } from "../../../shared/protocol/account.ts";
import type { Problem, Reader } from "./client.ts";

/** How much is read before the reader is asked whether to go on. */
export const PAGES_AT_ONCE = 10;

const PRUNED: Problem = {
  code: "refused",
  message: "The ledger pruned this journal while it was read.",
  hint: "Load the page's link again.",
};

export interface Books {
  account: AccountAnswer;
  ledger: Digest;
  checkpointKey?: string | undefined;
  /** The last pruned entry. */
  base?: Link;
  /** Checked, oldest first. */
  entries: JournalEntry[];
  state: "reading" | "paused" | "whole" | "differs";
  /** The first entry that differs. Those in `entries` are before it. */
  difference?: Difference;
  signature?: Signature;
  problem?: Problem;
}

/** @returns what a reading begins with, or why there is none */
export async function openBooks(reader: Reader, account: AccountId): Promise<{ books: Books } | { problem: Problem }> {
  const health = await reader.get("/health", "health");
  if (!health.ok) return { problem: health.problem };
  const found = await reader.get(`/accounts/${account}`, "account", account);
  if (!found.ok) return { problem: found.problem };
  const { ledger, checkpointKey } = health.data;
  return { books: { account: found.data, ledger, checkpointKey, entries: [], state: "reading" } };
}

/** Reads on from where `books` ends. Yields what is known after each page, and last with a state other than `reading`. */
export async function* readOn(reader: Reader, account: AccountId, from: Books): AsyncGenerator<Books, void> {
  const { problem: _, ...kept } = from;
  let books: Books = { ...kept, state: "reading" };
  let pages = 0;
  for await (const { entries, base, end } of walkChain(sourceOf(reader, account, books), lastOf(books))) {
    books = { ...books, ...(base && { base }), entries: [...books.entries, ...entries] };
    if (end) books = await concluded(reader, account, books, end);
    else if (++pages === PAGES_AT_ONCE && Number(lastOf(books)?.seq) < books.account.journalSeq) books = { ...books, state: "paused" };
    yield books;
    if (books.state !== "reading") break;
  }
}

function sourceOf(
  reader: Reader,
  account: AccountId,
  { ledger, account: { journalSeq: seq, journalHead: hash, balance } }: Books,
): ChainSource<{ ok: false; problem: Problem }> {
  return {
    account,
    ledger,
    head: { seq, hash, balance },
    async page(after) {
      const read = await reader.get(`/accounts/${account}/journal?after=${after}`, "page", account);
      return read.ok ? { ok: true, data: read.data as JournalPage } : read;
    },
  };
}

/** @param end how the reading ended. A whole chain is looked at again: the ledger has to have signed its last entry */
async function concluded(reader: Reader, account: AccountId, books: Books, end: ChainEnd<{ ok: false; problem: Problem }>): Promise<Books> {
  if (end.kind === "differs") return { ...books, state: "differs", difference: end.difference };
  if (end.kind !== "whole") return { ...books, state: "paused", problem: end.kind === "pruned" ? PRUNED : end.failure.problem };
  const last = lastOf(books);
  if (!last) return { ...books, state: "whole" };
  const signed = await reader.get(`/accounts/${account}/checkpoint?seq=${last.seq}`, "checkpoint", account);
  if (!signed.ok && signed.problem.code !== "absent") return { ...books, state: "whole", problem: signed.problem };
  const chain: Chain = { account, ledger: books.ledger };
  const signature = await signatureUnder(last, signed.ok ? signed.data : undefined, chain, books.checkpointKey);
  return { ...books, state: "whole", signature };
}

function lastOf({ entries, base }: Books): Link | undefined {
  return entries.at(-1) ?? base;
}

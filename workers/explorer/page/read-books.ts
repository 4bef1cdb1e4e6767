/** Reads an account's journal page by page, and checks each page before it is shown. What was read stays if a later read fails. */

import type { Digest } from "../../../shared/crypto/digest.ts";
import { type AccountAnswer, checkpointProblem, type Difference, firstDifference, headDifference } from "../../../shared/explorer/chain.ts";
import type { SignedCheckpoint } from "../../../shared/ledger/checkpoint.ts";
import type { JournalEntry, Link } from "../../../shared/ledger/journal.ts";
import type { AccountId } from "../../../shared/protocol/account.ts";
import type { Problem, Reader } from "./client.ts";

/** How much is read before the reader is asked whether to go on. */
export const PAGES_AT_ONCE = 10;

const PRUNED: Problem = {
  code: "refused",
  message: "The ledger pruned this journal while it was read.",
  hint: "Load the page's link again.",
};

/** `unsigned`: the ledger has no key. */
export type Signature = { state: "good"; publicKey: string } | { state: "unsigned" } | { state: "differs"; problem: string };

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
  for (let pages = 0; Number(lastOf(books)?.seq ?? 0) < books.account.journalSeq; pages++) {
    if (pages === PAGES_AT_ONCE) {
      yield { ...books, state: "paused" };
      return;
    }
    const before = books.entries.length;
    books = await nextPage(reader, account, books);
    yield books;
    if (books.state !== "reading") return;
    if (books.entries.length === before) break;
  }
  yield await concluded(reader, account, books);
}

async function nextPage(reader: Reader, account: AccountId, books: Books): Promise<Books> {
  const last = lastOf(books);
  const after = Number(last?.seq ?? 0);
  const read = await reader.get(`/accounts/${account}/journal?after=${after}`, "page", account);
  if (!read.ok) return { ...books, state: "paused", problem: read.problem };
  const base = read.data.base && Number(read.data.base.seq) > after ? (read.data.base as Link) : undefined;
  if (base && last) return { ...books, state: "paused", problem: PRUNED };
  const begun = base ? { ...books, base } : books;
  const entries = (read.data.entries as JournalEntry[]).filter(({ seq }) => Number(seq) <= books.account.journalSeq);
  const difference = firstDifference(entries, last ?? base, { account, ledger: books.ledger });
  if (!difference) return { ...begun, entries: [...books.entries, ...entries] };
  const good = entries.slice(0, Number(difference.entry) - Number((last ?? base)?.seq ?? 0) - 1);
  return { ...begun, entries: [...books.entries, ...good], state: "differs", difference };
}

/** The end of the chain beside what the facilitator says of the account, and the ledger's signature under it. */
async function concluded(reader: Reader, account: AccountId, books: Books): Promise<Books> {
  const last = lastOf(books);
  const difference = headDifference(books.account, last, books.ledger);
  if (difference) return { ...books, state: "differs", difference };
  if (!last) return { ...books, state: "whole" };
  const signed = await reader.get(`/accounts/${account}/checkpoint?seq=${last.seq}`, "checkpoint", account);
  if (!signed.ok && signed.problem.code !== "absent") return { ...books, state: "whole", problem: signed.problem };
  return { ...books, state: "whole", signature: await judged(signed.ok ? signed.data : undefined, last, account, books) };
}

async function judged(
  signed: SignedCheckpoint | undefined,
  last: Link,
  account: AccountId,
  { ledger, checkpointKey }: Books,
): Promise<Signature> {
  if (!signed && checkpointKey === undefined) return { state: "unsigned" };
  if (!signed) return { state: "differs", problem: "the ledger names a key, and shows no signature of it" };
  const problem = await checkpointProblem(signed, last, { account, ledger }, checkpointKey);
  return problem === undefined ? { state: "good", publicKey: signed.publicKey } : { state: "differs", problem };
}

function lastOf({ entries, base }: Books): Link | undefined {
  return entries.at(-1) ?? base;
}

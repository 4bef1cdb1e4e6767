/** A facilitator with the books of one account, made by hand, for the seller's page. It answers over HTTP, as a service binding does. */

import type { ChainHead } from "../../shared/books/chain.ts";
import type { Digest } from "../../shared/crypto/digest.ts";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import { batchDigest, entryHash, type JournalEntry } from "../../shared/ledger/journal.ts";
import { JOURNAL_PAGE } from "../../shared/limits.ts";
import type { Amount } from "../../shared/protocol/amount.ts";
import { checkpointKey, signCheckpoint } from "../../workers/ledger-do/sign-checkpoint.ts";
import type { RecordedSale } from "../../workers/merchant/paywall/memory/sales-register.ts";
import type { FacilitatorRpc } from "../../workers/merchant/paywall/types.ts";
import { LEDGER } from "../fixtures.ts";
import type { Sales } from "./seller-register.ts";

const LEDGER_KEY = "7a".repeat(32);
const ACCOUNT = DEMO_MERCHANT_ACCOUNT;

export type Posting = Partial<JournalEntry> & Pick<JournalEntry, "kind" | "value" | "at">;

/** What a sale is in the journal, alone. */
export function credit({ transaction, payer, amount }: RecordedSale, at: number): Posting {
  return { kind: "credit", counterparty: payer, value: amount, transaction, at: String(at) };
}

/** The same of several. @param listed whether the ledger says who paid what */
export function batch(sales: readonly RecordedSale[], at: number, listed = true): Posting {
  const transactions = sales.map(({ transaction }) => transaction);
  const credits = sales.map(({ transaction, payer, amount }) => ({ transaction, payer, value: amount as Amount }));
  const origin = { fromShard: "1", first: "1", last: String(sales.length), count: String(sales.length) };
  return {
    kind: "batch",
    value: sales.reduce((sum, { amount }) => sum + BigInt(amount), 0n).toString(),
    at: String(at),
    batch: { ...origin, transactions: batchDigest(transactions) },
    transactions,
    ...(listed && { credits }),
  };
}

export function refundOf({ transaction, payer, amount }: RecordedSale, at: number): Posting {
  const own = transaction.replace(/^0/, "f") as Digest;
  return { kind: "debit", cause: "refund", counterparty: payer, value: amount, transaction: own, refundOf: transaction, at: String(at) };
}

/** The chain of these postings. */
export function chainOf(postings: readonly Posting[]): JournalEntry[] {
  const entries: JournalEntry[] = [];
  let [balance, prevHash] = [0n, LEDGER];
  for (const [i, posting] of postings.entries()) {
    balance += BigInt(posting.value) * (posting.kind === "debit" ? -1n : 1n);
    const entry = { account: ACCOUNT, seq: String(i + 1), ...posting, balanceAfter: balance.toString(), prevHash };
    prevHash = entryHash(entry);
    entries.push({ ...entry, hash: prevHash });
  }
  return entries;
}

interface Lies {
  /** Changes an answer's body, by the call's path. */
  change?: (path: string, body: Record<string, unknown>) => object;
  /** In place of an answer. */
  status?: (path: string, authorization: string | null) => number | void;
  /** Entries up to this number are pruned. */
  pruned?: number;
  /** Entries of a page. */
  size?: number;
  signs?: boolean;
}

/** @returns the binding FACILITATOR, what it answers, and the paths that were asked for */
export function booksOf(
  entries: readonly JournalEntry[],
  { change = (_, body) => body, status, pruned = 0, size = JOURNAL_PAGE, signs = true }: Lies = {},
) {
  const calls: string[] = [];
  const last = entries.at(-1);
  const head: ChainHead = { seq: entries.length, hash: last?.hash ?? LEDGER, balance: last?.balanceAfter ?? "0" };
  const answer = async ({ pathname, searchParams }: URL): Promise<Record<string, unknown> | undefined> => {
    if (pathname === "/health") return { ledger: LEDGER, ...(signs && { checkpointKey: (await checkpointKey(LEDGER_KEY)).publicKey }) };
    if (pathname === `/accounts/${ACCOUNT}`)
      return { account: ACCOUNT, balance: head.balance, held: "0", journalSeq: head.seq, journalHead: head.hash };
    if (pathname.endsWith("/journal")) {
      const after = Number(searchParams.get("after"));
      const base = after < pruned ? entries[pruned - 1] : undefined;
      const from = Math.max(after, pruned);
      return { account: ACCOUNT, entries: entries.slice(from, from + size), ...(base && { base }) };
    }
    const entry = entries[Number(searchParams.get("seq")) - 1];
    if (!pathname.endsWith("/checkpoint") || !entry || !signs) return undefined;
    const { seq, hash, balanceAfter } = entry;
    const checkpoint = { ledger: LEDGER, account: ACCOUNT, seq, head: hash, balance: balanceAfter, at: entry.at };
    return { ...(await signCheckpoint(checkpoint, LEDGER_KEY)) };
  };
  const fetch = async (request: Request): Promise<Response> => {
    const url = new URL(request.url);
    const path = url.pathname + url.search;
    calls.push(path);
    const refused = status?.(path, request.headers.get("Authorization"));
    if (typeof refused === "number") return Response.json({ error: "refused" }, { status: refused });
    const body = await answer(url);
    return body ? Response.json(change(path, body)) : Response.json({ error: "not_found" }, { status: 404 });
  };
  return { FACILITATOR: { fetch } as unknown as FacilitatorRpc, answer: fetch, calls };
}

/** The books that fit a register: each payment that moved settled at noon of its day, and what went back an hour later. */
export function fittingBooks(sales: Sales): Posting[] {
  const days = [...sales].sort(([a], [b]) => a - b);
  const first = days[0]?.[0] ?? 0;
  const opening: Posting = { kind: "genesis", value: "25000000000", at: String(first - 3 * 86_400) };
  const movements = days.flatMap(([day, sales]) => [
    ...sales.filter(({ status }) => status !== "pending").map((sale) => credit(sale, day + 12 * 3600)),
    ...sales.filter(({ refund }) => refund?.state === "made").map((sale) => refundOf(sale, day + 13 * 3600)),
  ]);
  return [opening, ...movements];
}

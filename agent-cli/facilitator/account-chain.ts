/** An account's journal at a facilitator, whose every link is checked while it is read. */

import * as z from "zod";
import { journalPageSchema } from "../../shared/books/answers.ts";
import { firstDifference, headDifference } from "../../shared/books/chain.ts";
import { type ChainSource as Source, walkChain } from "../../shared/books/walk-chain.ts";
import { digestSchema } from "../../shared/crypto/digest.ts";
import type { JournalEntry, JournalPage, Link } from "../../shared/ledger/journal.ts";
import { MAX_RESPONSE_BODY_BYTES } from "../../shared/limits.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import type { Context } from "../runtime/context.ts";
import { fail, type Failure, type Outcome, succeed } from "../runtime/outcome.ts";
import type { Secret } from "../runtime/secret.ts";
import { callFacilitator, type FacilitatorInput } from "./client.ts";

const decimal = z.string().regex(/^(0|[1-9][0-9]{0,38})$/, "must be a whole number");
const accountSchema = z.looseObject({ balance: decimal, journalSeq: z.int().nonnegative(), journalHead: digestSchema });
const healthSchema = z.looseObject({ ledger: digestSchema });

export type ChainSource = Source<Failure>;

/** What was checked: the entries behind `base` up to the head. Without `base`, from the first entry. */
export interface CheckedChain {
  base: Link | undefined;
  entries: number;
}

/** @param key the operator's; without it, this machine's access to the account's books is used */
export async function chainAt(context: Context, input: FacilitatorInput, account: AccountId, key?: Secret): Promise<Outcome<ChainSource>> {
  const reader = key ? { key } : { books: account };
  const health = await callFacilitator(context, input, { path: "/health", answer: healthSchema });
  if (!health.ok) return health;
  const found = await callFacilitator(context, input, { path: `/accounts/${account}`, ...reader, answer: accountSchema });
  if (!found.ok) return found;
  const { balance, journalSeq: seq, journalHead: hash } = found.data;
  let itemised = true;
  return succeed({
    account,
    ledger: health.data.ledger,
    head: { seq, hash, balance },
    async page(after) {
      const read = (query: string) => {
        const path = `/accounts/${account}/journal?after=${after}${query}`;
        return callFacilitator(context, input, { path, ...reader, answer: journalPageSchema, maxBytes: MAX_RESPONSE_BODY_BYTES });
      };
      let page = await read(itemised ? "&credits=yes" : "");
      if (itemised && !page.ok && page.error.code === "invalid_payload") {
        // A facilitator of 0.1 cannot say who paid a batch.
        itemised = false;
        page = await read("");
      }
      return page.ok ? succeed(page.data as JournalPage) : page;
    },
  });
}

/**
 * Recomputes the chain up to its head.
 * @param see is given each page's entries, oldest first, once they are checked
 */
export async function readChain(
  source: ChainSource,
  see: (entries: readonly JournalEntry[]) => Promise<Outcome<unknown>>,
): Promise<Outcome<CheckedChain>> {
  const checked: CheckedChain = { base: undefined, entries: 0 };
  for await (const { entries, base, end } of walkChain(source)) {
    checked.base ??= base;
    checked.entries += entries.length;
    if (end?.kind === "unread") return end.failure;
    if (end?.kind === "pruned")
      return fail("busy", "The ledger pruned this journal while it was read.", { hint: "Run the same command again." });
    if (end?.kind === "differs") return broken(source.account, `entry ${end.difference.entry}: ${end.difference.problem}`);
    const seen = await see(entries);
    if (!seen.ok) return seen;
  }
  return succeed(checked);
}

/** The last entries of an account, oldest first: each continues the one before, and the last one is the head that the ledger names. */
export async function lastEntries(source: ChainSource, count: number): Promise<Outcome<JournalEntry[]>> {
  const { account, ledger, head } = source;
  if (head.seq === 0 || count === 0) return succeed([]);
  const read = await source.page(Math.max(0, head.seq - count));
  if (!read.ok) return read;
  const entries = read.data.entries.filter(({ seq }) => Number(seq) <= head.seq);
  const difference = firstDifference(entries.slice(1), entries[0], source) ?? headDifference(head, entries.at(-1), ledger);
  return difference ? broken(account, `entry ${difference.entry}: ${difference.problem}`) : succeed(entries);
}

function broken(account: AccountId, problem: string): Failure {
  return fail("journal_differs", `The journal of ${account} does not add up: ${problem}.`, {
    hint: "Keep what the facilitator answers, and ask the ledger's operator for an audit.",
  });
}

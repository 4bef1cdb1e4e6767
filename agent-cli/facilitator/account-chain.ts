/** An account's journal, read page by page from its first entry, or the last pruned one, to its head. Every link is checked. */

import * as z from "zod";
import { type Digest, digestSchema } from "../../shared/crypto/digest.ts";
import { evidenceEntrySchema } from "../../shared/evidence/evidence.ts";
import { continuesChain, type JournalEntry, type Link } from "../../shared/ledger/journal.ts";
import { MAX_RESPONSE_BODY_BYTES } from "../../shared/limits.ts";
import { type AccountId, accountIdSchema } from "../../shared/protocol/account.ts";
import { amountSchema } from "../../shared/protocol/amount.ts";
import type { Context } from "../runtime/context.ts";
import { fail, type Failure, type Outcome, succeed } from "../runtime/outcome.ts";
import type { Secret } from "../runtime/secret.ts";
import { callFacilitator, type FacilitatorInput } from "./client.ts";

const decimal = z.string().regex(/^(0|[1-9][0-9]{0,38})$/, "must be a whole number");
const linkSchema = z.looseObject({ seq: decimal, hash: digestSchema, balanceAfter: decimal });
const entrySchema = z.strictObject({
  ...evidenceEntrySchema.shape,
  /** An account that was restored empty begins with 0. */
  value: decimal,
  transactions: z.array(digestSchema).optional(),
  /** Who paid what of a batch. The chain has the transactions and their sum; which of them was how much is the ledger's word. */
  credits: z.array(z.strictObject({ transaction: digestSchema, payer: accountIdSchema, value: amountSchema })).optional(),
});
const pageSchema = z.looseObject({ entries: z.array(entrySchema), base: linkSchema.optional() });
const accountSchema = z.looseObject({ balance: decimal, journalSeq: z.int().nonnegative(), journalHead: digestSchema });
const healthSchema = z.looseObject({ ledger: digestSchema });

/** The end of a chain, as its ledger names it. `balance`: atomic units. */
export interface ChainHead {
  seq: number;
  hash: Digest;
  balance: string;
}

export interface ChainPage {
  entries: JournalEntry[];
  base?: Link | undefined;
}

/** Where a chain is read: a facilitator, or a ledger in this process. */
export interface ChainSource {
  account: AccountId;
  ledger: Digest;
  head: ChainHead;
  page(after: number): Promise<Outcome<ChainPage>>;
}

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
        return callFacilitator(context, input, { path, ...reader, answer: pageSchema, maxBytes: MAX_RESPONSE_BODY_BYTES });
      };
      let page = await read(itemised ? "&credits=yes" : "");
      if (itemised && !page.ok && page.error.code === "invalid_payload") {
        // A facilitator of 0.1 cannot say who paid a batch.
        itemised = false;
        page = await read("");
      }
      return page.ok ? succeed(page.data as ChainPage) : page;
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
  const { account, ledger, head } = source;
  let base: Link | undefined;
  let last: Link | undefined;
  let count = 0;
  while (Number(last?.seq ?? 0) < head.seq) {
    const after = Number(last?.seq ?? 0);
    const read = await source.page(after);
    if (!read.ok) return read;
    if (read.data.base && Number(read.data.base.seq) > after) {
      if (last) return fail("busy", "The ledger pruned this journal while it was read.", { hint: "Run the same command again." });
      base = last = read.data.base;
    }
    const entries = read.data.entries.filter(({ seq }) => Number(seq) <= head.seq);
    if (entries.length === 0 && Number(last?.seq ?? 0) < head.seq) return broken(account, `it ends after entry ${last?.seq ?? 0}`);
    for (const entry of entries) {
      if (entry.account !== account || !continuesChain(entry, last, ledger)) {
        return broken(account, `entry ${entry.seq} does not continue entry ${last?.seq ?? 0}`);
      }
      last = entry;
    }
    count += entries.length;
    const seen = await see(entries);
    if (!seen.ok) return seen;
  }
  if (Number(last?.seq ?? 0) !== head.seq || (last?.hash ?? ledger) !== head.hash || (last?.balanceAfter ?? "0") !== head.balance) {
    return broken(account, "its head is not the one that the ledger names");
  }
  return succeed({ base, entries: count });
}

/** The last entries of an account, oldest first: each continues the one before, and the last one is the head that the ledger names. */
export async function lastEntries(source: ChainSource, count: number): Promise<Outcome<JournalEntry[]>> {
  const { account, ledger, head } = source;
  if (head.seq === 0 || count === 0) return succeed([]);
  const read = await source.page(Math.max(0, head.seq - count));
  if (!read.ok) return read;
  const entries = read.data.entries.filter(({ seq }) => Number(seq) <= head.seq);
  const gap = entries.find((entry, i) => i > 0 && !continuesChain(entry, entries[i - 1], ledger));
  if (gap) return broken(account, `entry ${gap.seq} does not continue the one before`);
  const last = entries.at(-1);
  if (last?.hash !== head.hash || last.balanceAfter !== head.balance)
    return broken(account, "its head is not the one that the ledger names");
  return succeed(entries);
}

function broken(account: AccountId, problem: string): Failure {
  return fail("journal_differs", `The journal of ${account} does not add up: ${problem}.`, {
    hint: "Keep what the facilitator answers, and ask the ledger's operator for an audit.",
  });
}

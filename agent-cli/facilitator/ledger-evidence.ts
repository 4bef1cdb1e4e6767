/** The ledger's part of evidence, from a facilitator: the payer's debit, and the ledger's signature right under it. */

import * as z from "zod";
import { isUncharged } from "../../shared/evidence/context.ts";
import { evidenceEntrySchema, signedCheckpointSchema } from "../../shared/evidence/entry-schema.ts";
import type { Evidence } from "../../shared/evidence/evidence.ts";
import { CLOCK_SKEW_SECONDS, JOURNAL_PAGE, MAX_HOLD_SECONDS, MAX_RESPONSE_BODY_BYTES } from "../../shared/limits.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import { type Authorization, authorizationDigest, transactionOf } from "../../shared/protocol/authorization.ts";
import type { Context } from "../runtime/context.ts";
import { MAX_JOURNAL_PAGES } from "../runtime/limits.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import { callFacilitator, type FacilitatorInput } from "./client.ts";
import { otherLedger } from "./other-ledger.ts";

type LedgerPart = NonNullable<Evidence["ledger"]>;
export type Entry = LedgerPart["entries"][number];

/** A batch lists its transactions outside the hash chain. They are left out of the evidence. */
const entrySchema = z.strictObject({ ...evidenceEntrySchema.shape, transactions: z.optional(z.array(z.string())) });
const pageSchema = z.looseObject({ entries: z.array(entrySchema) });
const healthSchema = z.looseObject({ ledger: z.string() });
const accountSchema = z.looseObject({ journalSeq: z.int() });

const presentedSchema = z.looseObject({
  ledger: z.string(),
  entry: z.optional(entrySchema),
  checkpoint: z.optional(signedCheckpointSchema.shape.checkpoint),
  publicKey: z.optional(signedCheckpointSchema.shape.publicKey),
  signature: z.optional(signedCheckpointSchema.shape.signature),
  /** There is no entry, because an `upto` was charged nothing. */
  charged: z.optional(z.literal("0")),
});
const UNCHARGED = "nothing was charged, so the ledger has no entry";
const NOT_FOUND = "no such payment was found in the account's journal";
const UNSIGNED = "the ledger signs no checkpoints";

/** `why`: the ledger has nothing to show, which is no failure. `none`: it has no debit of the payment, or none any more. */
type LedgerEvidence = { part: LedgerPart } | { why: string; none?: true };

/** Shows the payment, and asks for the checkpoint right under its debit, so that the file shows none of the payer's other payments. */
export async function ledgerEvidence(
  context: Context,
  input: FacilitatorInput,
  payment: Evidence["payment"],
): Promise<Outcome<LedgerEvidence>> {
  const { authorization } = payment;
  const presented = await callFacilitator(context, input, { path: "/settlements/entry", body: payment, answer: presentedSchema });
  if (presented.ok) return succeed(fromPresented(presented.data, authorization));
  // A facilitator of 0.1 has no such call. There the entry is looked for in the journal.
  if (presented.error.code !== "not_found") return presented;
  const debit = await findDebit(context, input, authorization);
  if (!debit.ok) return debit;
  if (!debit.data) {
    const health = await callFacilitator(context, input, { path: "/health", answer: healthSchema });
    const other = health.ok ? otherLedger(health.data.ledger, authorization.ledger) : undefined;
    return succeed(other ? { why: other } : { why: NOT_FOUND, none: true });
  }
  const path = `/accounts/${authorization.from}/checkpoint?seq=${debit.data.seq}`;
  const checkpoint = await callFacilitator(context, input, { path, books: authorization.from, answer: signedCheckpointSchema });
  if (checkpoint.ok) return succeed({ part: { entries: [debit.data], checkpoint: checkpoint.data } });
  return checkpoint.error.code === "not_found" ? succeed({ why: UNSIGNED }) : checkpoint;
}

/** Why evidence lacks the ledger's part: undefined if it does not, or if nothing was charged, which the merchant's receipt says. */
export function lackOf(found: LedgerEvidence, evidence: Pick<Evidence, "payment" | "receipt">): string | undefined {
  if ("part" in found || (found.none && isUncharged(evidence))) return undefined;
  return found.why;
}

function fromPresented(
  { ledger, entry, checkpoint, publicKey, signature, charged }: z.infer<typeof presentedSchema>,
  authorization: Authorization,
): LedgerEvidence {
  const other = otherLedger(ledger, authorization.ledger);
  if (!entry) return other ? { why: other } : { why: charged ? UNCHARGED : NOT_FOUND, none: true };
  if (!checkpoint || publicKey === undefined || signature === undefined) return { why: UNSIGNED };
  return { part: { entries: [withoutTransactions(entry)], checkpoint: { checkpoint, publicKey, signature } } };
}

/**
 * Times rise along a chain, so a binary search finds the page where the payment's time begins. A restart of the ledger with
 * an earlier clock sets times back: an entry that is not where it should be is searched for in the newest pages. After the
 * binary search at most MAX_JOURNAL_PAGES are read.
 */
async function findDebit(context: Context, input: FacilitatorInput, authorization: Authorization): Promise<Outcome<Entry | undefined>> {
  const { from, network, validAfter, validBefore } = authorization;
  const transaction = transactionOf(network, authorizationDigest(authorization));
  const earliest = Number(validAfter) - CLOCK_SKEW_SECONDS;
  const latest = Number(validBefore) + MAX_HOLD_SECONDS;
  const page = (after: number) => journalPage(context, input, from, after);

  const account = await callFacilitator(context, input, { path: `/accounts/${from}`, books: from, answer: accountSchema });
  if (!account.ok) return account;
  const { journalSeq } = account.data;
  let [low, high] = [0, Math.ceil(journalSeq / JOURNAL_PAGE)];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    const probe = await page(middle * JOURNAL_PAGE);
    if (!probe.ok) return probe;
    if (Number(probe.data[0]?.at ?? Infinity) < earliest) low = middle;
    else high = middle;
  }

  let left = MAX_JOURNAL_PAGES;
  /** Reads on after entry number `after`, until the payment, an entry later than `until`, or the end. */
  const readOn = async (after: number, until: number): Promise<Outcome<Entry | undefined>> => {
    for (let read = after; left > 0; left--) {
      const entries = await page(read);
      if (!entries.ok) return entries;
      const debit = entries.data.find((entry) => entry.kind === "debit" && entry.transaction === transaction);
      const last = entries.data.at(-1);
      if (debit || !last || Number(last.at) > until) return succeed(debit);
      read = Number(last.seq);
    }
    return succeed(undefined);
  };
  const expected = await readOn(low * JOURNAL_PAGE, latest);
  return !expected.ok || expected.data ? expected : readOn(Math.max(0, journalSeq - left * JOURNAL_PAGE), Infinity);
}

/**
 * The debits of an account, oldest first, from the newest MAX_JOURNAL_PAGES pages of its journal.
 * @returns `from`: the number of the oldest entry that was read; earlier ones are pruned, or too many
 */
export async function debitsOf(
  context: Context,
  input: FacilitatorInput,
  account: AccountId,
): Promise<Outcome<{ debits: Entry[]; from: number }>> {
  const found = await callFacilitator(context, input, { path: `/accounts/${account}`, books: account, answer: accountSchema });
  if (!found.ok) return found;
  let read = Math.max(0, found.data.journalSeq - MAX_JOURNAL_PAGES * JOURNAL_PAGE);
  let from: number | undefined;
  const debits: Entry[] = [];
  while (read < found.data.journalSeq) {
    const page = await journalPage(context, input, account, read);
    if (!page.ok) return page;
    const last = page.data.at(-1);
    if (!last || Number(last.seq) <= read) break;
    from ??= Number(page.data[0]?.seq);
    debits.push(...page.data.filter(({ kind }) => kind === "debit"));
    read = Number(last.seq);
  }
  return succeed({ debits, from: from ?? found.data.journalSeq + 1 });
}

/** A page of an account's journal as evidence has its entries, read with this machine's access to the account's books. */
export async function journalPage(context: Context, input: FacilitatorInput, account: AccountId, after: number): Promise<Outcome<Entry[]>> {
  const path = `/accounts/${account}/journal?after=${after}`;
  const read = await callFacilitator(context, input, { path, books: account, answer: pageSchema, maxBytes: MAX_RESPONSE_BODY_BYTES });
  return read.ok ? succeed(read.data.entries.map(withoutTransactions)) : read;
}

function withoutTransactions(listed: z.infer<typeof entrySchema>): Entry {
  const { transactions: _, ...entry } = listed;
  return entry;
}

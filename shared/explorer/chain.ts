/** What the explorer checks of an account's books: each entry of the chain, its head, and the signature under it. Pure: it is given what was read. */

import * as z from "zod/mini";
import { type Digest, digestSchema } from "../crypto/digest.ts";
import { evidenceEntrySchema, signedCheckpointSchema } from "../evidence/evidence.ts";
import { isGenuineCheckpoint, type SignedCheckpoint } from "../ledger/checkpoint.ts";
import { batchDigest, continuesChain, entryHash, type JournalEntry, type Link } from "../ledger/journal.ts";
import { MAX_RESPONSE_BODY_BYTES } from "../limits.ts";
import { type AccountId, accountIdSchema } from "../protocol/account.ts";
import { type Parsed, parseJson } from "../text/json.ts";

const decimal = z.string().check(z.regex(/^(0|[1-9][0-9]{0,38})$/, "must be a whole number"));
const natural = z.number().check(z.int(), z.nonnegative());

const entrySchema = z.strictObject({
  ...evidenceEntrySchema.shape,
  // An account that was restored empty begins with 0.
  value: decimal,
  transactions: z.optional(z.array(digestSchema)),
});

/** The answers of a facilitator to the reads of the explorer. */
const ANSWERS = {
  health: z.looseObject({ ledger: digestSchema, checkpointKey: z.optional(z.string()) }),
  account: z.looseObject({
    account: accountIdSchema,
    balance: decimal,
    held: decimal,
    journalSeq: natural,
    journalHead: digestSchema,
  }),
  page: z.looseObject({
    entries: z.array(entrySchema),
    base: z.optional(z.looseObject({ seq: decimal, hash: digestSchema, balanceAfter: decimal })),
  }),
  checkpoint: signedCheckpointSchema,
  audit: z.looseObject({
    ok: z.boolean(),
    shards: natural,
    supply: decimal,
    balances: decimal,
    inFlight: decimal,
    held: decimal,
    accounts: natural,
    journalEntries: natural,
    conclusive: z.boolean(),
    problems: z.array(z.string()),
  }),
} as const;

export type Answers = { [Name in keyof typeof ANSWERS]: z.output<(typeof ANSWERS)[Name]> };
/** The account as the facilitator names it; `journalSeq` and `journalHead` are the end of its chain. */
export type AccountAnswer = Answers["account"];

/** Reads an answer's body, of at most MAX_RESPONSE_BODY_BYTES. */
export function readAnswer<Name extends keyof Answers>(name: Name, body: Uint8Array): Parsed<Answers[Name]> {
  return parseJson(body, MAX_RESPONSE_BODY_BYTES, ANSWERS[name]) as Parsed<Answers[Name]>;
}

/** Whose chain it is, and on which ledger. */
export interface Chain {
  account: AccountId;
  ledger: Digest;
}

/** The first entry that differs, by its number, and how. */
export interface Difference {
  entry: string;
  problem: string;
}

/**
 * @param previous the entry before the first of them; undefined if that is the account's first
 * @returns undefined if each entry continues the one before and has the hash of what it says
 */
export function firstDifference(
  entries: readonly JournalEntry[],
  previous: Link | undefined,
  { account, ledger }: Chain,
): Difference | undefined {
  let before = previous;
  for (const entry of entries) {
    const expected = String(BigInt(before?.seq ?? "0") + 1n);
    // Named by its place in the chain: its own number may be what was changed.
    if (entry.account !== account || !continuesChain(entry, before, ledger))
      return { entry: expected, problem: problemOf(entry, expected, before, { account, ledger }) };
    before = entry;
  }
  return undefined;
}

function problemOf(entry: JournalEntry, expected: string, before: Link | undefined, { account, ledger }: Chain): string {
  if (entry.account !== account) return "it is of another account";
  if (entry.seq !== expected) return `in its place is entry ${entry.seq}`;
  if (entry.transactions !== undefined && batchDigest(entry.transactions) !== entry.batch?.transactions)
    return "the transactions of its batch are not those of its digest";
  if (entryHash(entry) !== entry.hash) return "it does not have the hash of what it says";
  if (entry.prevHash !== (before?.hash ?? ledger))
    return before ? "it does not name the entry before it" : "it does not begin with the ledger's id";
  return "its balance does not follow from the one before";
}

/** Whether the chain ends where the facilitator says that the account stands. @param last undefined for a chain without entries */
export function headDifference(
  { journalSeq, journalHead, balance }: Pick<AccountAnswer, "journalSeq" | "journalHead" | "balance">,
  last: Link | undefined,
  ledger: Digest,
): Difference | undefined {
  const entry = String(journalSeq);
  if ((last?.seq ?? "0") !== entry) return { entry, problem: `the journal ends after entry ${last?.seq ?? "0"}` };
  if ((last?.hash ?? ledger) !== journalHead) return { entry, problem: "its hash is not the head that the facilitator names" };
  if ((last?.balanceAfter ?? "0") !== balance) return { entry, problem: "its balance is not the one that the facilitator names" };
  return undefined;
}

/** What is wrong with the signature under the chain's last entry; undefined if the ledger's key signed that entry. */
export async function checkpointProblem(
  signed: SignedCheckpoint,
  last: Link,
  { account, ledger }: Chain,
  checkpointKey: string | undefined,
): Promise<string | undefined> {
  const { checkpoint, publicKey } = signed;
  if (checkpoint.ledger !== ledger) return "it is of another ledger";
  if (checkpoint.account !== account) return "it is of another account";
  if (checkpoint.seq !== last.seq || checkpoint.head !== last.hash || checkpoint.balance !== last.balanceAfter)
    return "what it signs is not the last entry";
  if (publicKey !== checkpointKey) return "its key is not the one that the ledger names";
  return (await isGenuineCheckpoint(signed)) ? undefined : "the signature does not fit";
}

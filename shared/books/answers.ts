/** What a facilitator answers to the reads of an account's books, as it is read from strangers' bytes. */

import * as z from "zod/mini";
import { digestSchema } from "../crypto/digest.ts";
import { evidenceEntrySchema, signedCheckpointSchema } from "../evidence/entry-schema.ts";
import { MAX_RESPONSE_BODY_BYTES } from "../limits.ts";
import { accountIdSchema } from "../protocol/account.ts";
import { amountSchema } from "../protocol/amount.ts";
import { type Parsed, parseJson } from "../text/json.ts";

const decimal = z.string().check(z.regex(/^(0|[1-9][0-9]{0,38})$/, "must be a whole number"));
const natural = z.number().check(z.int(), z.nonnegative());

const entrySchema = z.strictObject({
  ...evidenceEntrySchema.shape,
  // An account that was restored empty begins with 0.
  value: decimal,
  transactions: z.optional(z.array(digestSchema)),
  /** Who paid what of a batch. The chain has the transactions and their sum; which of them was how much is the ledger's word. */
  credits: z.optional(z.array(z.strictObject({ transaction: digestSchema, payer: accountIdSchema, value: amountSchema }))),
});

/** A page of `/accounts/ACCOUNT/journal`. */
export const journalPageSchema = z.looseObject({
  entries: z.array(entrySchema),
  base: z.optional(z.looseObject({ seq: decimal, hash: digestSchema, balanceAfter: decimal })),
});

const ANSWERS = {
  health: z.looseObject({ ledger: digestSchema, checkpointKey: z.optional(z.string()) }),
  account: z.looseObject({
    account: accountIdSchema,
    balance: decimal,
    held: decimal,
    journalSeq: natural,
    journalHead: digestSchema,
  }),
  page: journalPageSchema,
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

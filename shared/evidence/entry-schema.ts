/** An entry of an account's book, and the ledger's signature under one, as they are read from a file or from a facilitator. */

import * as z from "zod/mini";
import { publicKeySchema, signatureSchema } from "../crypto/bytes.ts";
import { digestSchema } from "../crypto/digest.ts";
import { ENTRY_CAUSES } from "../ledger/journal.ts";
import { accountIdSchema } from "../protocol/account.ts";
import { amountSchema } from "../protocol/amount.ts";

const decimal = z.string().check(z.regex(/^(0|[1-9][0-9]{0,38})$/, "must be a whole number as a decimal string"));

/** A JournalEntry without what its hash does not cover: of a batch it has the digest of the transactions, not the transactions. */
export const evidenceEntrySchema = z.strictObject({
  account: accountIdSchema,
  seq: decimal,
  kind: z.enum(["genesis", "debit", "credit", "batch"]),
  counterparty: z.optional(accountIdSchema),
  value: amountSchema,
  balanceAfter: decimal,
  authorizationDigest: z.optional(digestSchema),
  requestDigest: z.optional(digestSchema),
  mandate: z.optional(digestSchema),
  transaction: z.optional(digestSchema),
  cause: z.optional(z.enum(ENTRY_CAUSES)),
  refundOf: z.optional(digestSchema),
  session: z.optional(digestSchema),
  batch: z.optional(z.strictObject({ fromShard: decimal, first: decimal, last: decimal, count: decimal, transactions: digestSchema })),
  at: decimal,
  prevHash: digestSchema,
  hash: digestSchema,
});

export const signedCheckpointSchema = z.strictObject({
  checkpoint: z.strictObject({
    ledger: digestSchema,
    account: accountIdSchema,
    seq: decimal,
    head: digestSchema,
    balance: decimal,
    at: decimal,
  }),
  publicKey: publicKeySchema,
  signature: signatureSchema,
});

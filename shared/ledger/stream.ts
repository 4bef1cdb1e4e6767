/**
 * A stream of credits from one shard to another: numbered 1, 2, 3 … without gaps, and chained, so that two shards that remember
 * different pasts notice it before money is lost. spec/architecture.md.
 */

import * as z from "zod/mini";
import { type Digest, digest, digestSchema } from "../crypto/digest.ts";
import { MAX_SHARDS, OUTBOX_BATCH } from "../limits.ts";
import { type AccountId, accountIdSchema } from "../protocol/account.ts";
import { amountSchema, type Amount } from "../protocol/amount.ts";
import { wholeNumber } from "../whole-number.ts";
import { ENTRY_CAUSES } from "./journal.ts";

/** What a credit is: the cause of its entry, or a payment. */
export const CREDIT_KINDS = ["payment", ...ENTRY_CAUSES] as const;

/** One payment's money, owed to an account of another shard. */
export interface Credit {
  payee: AccountId;
  value: Amount;
  transaction: Digest;
  /** Absent, like `kind`, in a credit that an earlier version queued. */
  payer?: AccountId;
  kind?: (typeof CREDIT_KINDS)[number];
  /** Of a refund: the transaction that it gives back. */
  refundOf?: Digest;
  /** Of a claim: the session that it was taken out of. */
  session?: Digest;
}

/** Credits `after + 1`, `after + 2` … of the stream from one shard to another. */
export interface Batch {
  ledger: Digest;
  from: number;
  to: number;
  after: number;
  /** The stream's head after credit number `after`. */
  head: Digest;
  credits: Credit[];
}

/** The receiver's answer: how much it has applied, or that the two shards remember different pasts. */
export type Received =
  | { ok: true; /** The number of the last credit that was applied. */ mark: number; /** The stream's head after it. */ head: Digest }
  | { ok: false; fault: "sender_rewound" | "receiver_rewound" | "halted" | "not_mine" };

const number = wholeNumber();
const shard = wholeNumber(MAX_SHARDS - 1);

export const batchSchema = z.strictObject({
  ledger: digestSchema,
  from: shard,
  to: shard,
  after: number,
  head: digestSchema,
  credits: z
    .array(
      z.strictObject({
        payee: accountIdSchema,
        value: amountSchema,
        transaction: digestSchema,
        payer: z.exactOptional(accountIdSchema),
        kind: z.exactOptional(z.enum(CREDIT_KINDS)),
        refundOf: z.exactOptional(digestSchema),
        session: z.exactOptional(digestSchema),
      }),
    )
    .check(z.maxLength(OUTBOX_BATCH)),
});

/** How much of the stream from one shard was applied. */
const receivedMarkSchema = z.strictObject({
  from: shard,
  mark: number,
  /** The stream's head there; absent while nothing has arrived. */
  head: z.exactOptional(digestSchema),
});
export type ReceivedMark = z.infer<typeof receivedMarkSchema>;
/** At most one for each shard. */
export const receivedMarksSchema = z.array(receivedMarkSchema).check(z.maxLength(MAX_SHARDS));

/** The members of a receiver's answer that let the sender delete credits. */
export const appliedSchema = z.object({ mark: number, head: digestSchema });

/** The head of an empty stream. */
export function streamStart(ledger: Digest, from: number, to: number): Digest {
  return digest("Stream", { ledger, from: String(from), to: String(to) });
}

/** The head after one more credit. Members that a credit lacks are not hashed: streams of before go on. */
export function nextHead(head: Digest, number: number, { payee, value, transaction, payer, kind, refundOf, session }: Credit): Digest {
  return digest("Stream", { prevHead: head, number: String(number), payee, value, transaction, payer, kind, refundOf, session });
}

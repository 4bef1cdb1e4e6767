/**
 * Evidence of one payment in one file, version 1, for a third party: the request and its reason, and what the payer, the merchant and
 * the ledger signed. Every member is under a signature or a digest, and none is secret. spec/evidence.md.
 */

import * as z from "zod/mini";
import { jwsSchema } from "../extensions/signed-jws.ts";
import { MAX_EVIDENCE_ENTRIES, MAX_EVIDENCE_REFUNDS } from "../limits.ts";
import { paymentRequestSchema } from "../protocol/payment-request.ts";
import { eitherProof } from "../protocol/proof.ts";
import { signedRefundSchema } from "../protocol/refund.ts";
import { evidenceEntrySchema, signedCheckpointSchema } from "./entry-schema.ts";
import { paymentMembers, type PaymentPart } from "./payment-part.ts";

/** A part of one account's book: entries without gaps, the last of them under the ledger's signature. */
export const bookSchema = z.strictObject({
  entries: z.array(evidenceEntrySchema).check(z.minLength(1), z.maxLength(MAX_EVIDENCE_ENTRIES)),
  checkpoint: signedCheckpointSchema,
});

/** A refund of the payment. Each book stands alone; a reader of the payer's alone has no `given`. */
export const evidenceRefundSchema = z.strictObject({
  /** As it was sent to the ledger, with the mandate that it is under. */
  signed: signedRefundSchema,
  /** The payer's account, from the refund's credit on. */
  received: z.optional(bookSchema),
  /** The payee's account, from the refund's debit on. */
  given: z.optional(bookSchema),
});

export const evidenceSchema = z.strictObject({
  version: z.literal("1", 'must be "1"; evidence of a call that a session paid is version 2'),
  request: paymentRequestSchema,
  payment: eitherProof<PaymentPart>(z.strictObject(paymentMembers)),
  /** The merchant's terms, in its own word. Absent where it signs none. */
  offer: z.optional(jwsSchema),
  /** The merchant's word that it delivered. Absent where it signs none, or where its answer was lost. */
  receipt: z.optional(jwsSchema),
  /** The payer's account at the ledger, from the payment's debit on. Absent where the ledger signs no checkpoints. */
  ledger: z.optional(bookSchema),
  /** What was given back of it. A file without refunds does not say that there were none. */
  refunds: z.optional(z.array(evidenceRefundSchema).check(z.minLength(1), z.maxLength(MAX_EVIDENCE_REFUNDS))),
});
export type Evidence = z.infer<typeof evidenceSchema>;

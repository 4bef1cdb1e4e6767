/** The Refund: a payee gives back a settled payment, in whole or in part. spec/protocol.md §14. */

import * as z from "zod/mini";
import { type Digest, digest, digestSchema } from "../crypto/digest.ts";
import { unixSecondsText } from "../time.ts";
import { accountIdSchema } from "./account.ts";
import { amountSchema } from "./amount.ts";
import { transactionOf } from "./authorization.ts";
import { type SignedMandate, signedMandateSchema } from "./mandate.ts";
import { prove, type ProofSigner, withProof } from "./proof.ts";

export const REFUND_REASONS = [
  "service_not_delivered",
  "service_defective",
  "duplicate_payment",
  "overcharge",
  "customer_request",
  "other",
] as const;
export type RefundReason = (typeof REFUND_REASONS)[number];

/** All members are strings: amounts are atomic units, times unix seconds. An unknown member makes the refund unusable. */
export const refundSchema = z.strictObject({
  version: z.literal("1"),
  network: z.string().check(z.maxLength(64)),
  asset: z.string().check(z.maxLength(64)),
  ledger: digestSchema,
  /** The settled payment. */
  transaction: digestSchema,
  /** The payee, who gives it back. */
  from: accountIdSchema,
  /** The payer. The ledger pays no other account. */
  to: accountIdSchema,
  /** The number of the payment's credit, alone or in a batch, in the payee's journal. */
  entry: z.string().check(z.regex(/^[1-9][0-9]{0,14}$/, "must be the number of a journal entry")),
  amount: amountSchema,
  reason: z.enum(REFUND_REASONS),
  /** Random. One id pays once: a refund whose answer was lost is sent again as it is. */
  id: digestSchema,
  issuedAt: unixSecondsText,
  /** The mandate under which its agent signed this; absent if the payee's own key did. */
  mandate: z.optional(digestSchema),
});
export type Refund = z.infer<typeof refundSchema>;

/** A refund as it travels, with the mandate that it names. */
export const signedRefundSchema = withProof({ refund: refundSchema, mandate: z.optional(signedMandateSchema) }).check(
  z.refine(({ refund, mandate }) => (refund.mandate === undefined) === (mandate === undefined), "mandate goes with refund.mandate"),
);
export type SignedRefund = z.infer<typeof signedRefundSchema>;

export function refundDigest(refund: Refund): Digest {
  return digest("Refund", refund);
}

/** The id of the refund's own settlement. */
export function refundTransaction(refund: Refund): Digest {
  return transactionOf(refund.network, refundDigest(refund));
}

/** @param mandate given if the signer is its agent */
export async function signRefund(refund: Refund, signer: ProofSigner, mandate?: SignedMandate): Promise<SignedRefund> {
  return { refund, ...(mandate && { mandate }), ...(await prove(refundDigest(refund), signer)) };
}

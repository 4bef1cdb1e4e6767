/**
 * Evidence of one call that a session paid, version 2: what the owner or its agent signed for the session, the voucher of this call, and,
 * once there is one, the claim by which the merchant was paid, with the ledger's entry of it. spec/evidence.md.
 */

import * as z from "zod/mini";
import { amountSchema } from "../protocol/amount.ts";
import { boundRequestSchema } from "../protocol/binding.ts";
import { signedClaimSchema } from "../protocol/claim.ts";
import { paymentRequestSchema } from "../protocol/payment-request.ts";
import { signedSessionSchema } from "../protocol/session.ts";
import { signedVoucherSchema } from "../protocol/voucher.ts";
import { bookSchema } from "./evidence.ts";

export const callEvidenceSchema = z.strictObject({
  version: z.literal("2", 'must be "2"'),
  /** What asked for the session, with its reason. Absent where the session came from elsewhere. */
  request: z.optional(paymentRequestSchema),
  session: signedSessionSchema,
  /** The call's address and body, and the most that it could cost. The voucher's binding covers them. */
  call: z.strictObject({ ...boundRequestSchema.shape, amount: amountSchema }),
  voucher: signedVoucherSchema,
  /** Absent before the merchant has claimed: until then nothing has moved. */
  claim: z.optional(
    z.strictObject({
      ...signedClaimSchema.shape,
      /** The voucher that the claim names for the call's lane, unless it is the call's own. */
      voucher: z.optional(signedVoucherSchema),
    }),
  ),
  /** The payer's account at the ledger, from the claim's debit on. */
  ledger: z.optional(bookSchema),
});
export type CallEvidence = z.infer<typeof callEvidenceSchema>;

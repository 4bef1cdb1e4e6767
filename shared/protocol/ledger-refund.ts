/** A refund whose signature was verified, as the facts that a ledger needs. */

import * as z from "zod/mini";
import { digestSchema } from "../crypto/digest.ts";
import { MAX_SIGNED_REFUND_LENGTH } from "../limits.ts";
import { wholeNumber } from "../whole-number.ts";
import { accountIdSchema } from "./account.ts";
import { amountSchema } from "./amount.ts";
import { ledgerMandateSchema, unixSecondsSchema } from "./ledger-payment.ts";

export const ledgerRefundSchema = z.strictObject({
  /** Gives the money back. */
  payee: accountIdSchema,
  /** Made the payment. */
  payer: accountIdSchema,
  /** The payment's. */
  transaction: digestSchema,
  /** The number of its credit in the payee's journal. */
  entry: wholeNumber(),
  amount: amountSchema,
  id: digestSchema,
  /** Names the refund's own entries, as an authorization's digest names those of a payment. */
  refundDigest: digestSchema,
  issuedAt: unixSecondsSchema,
  /** Absent if the payee's own key signed it. */
  mandate: z.optional(ledgerMandateSchema),
  /** JSON: the refund as it was signed, to be shown as evidence. */
  signed: z.optional(z.string().check(z.maxLength(MAX_SIGNED_REFUND_LENGTH))),
});
export type LedgerRefund = z.infer<typeof ledgerRefundSchema>;

/** A refund whose signature was verified, as the facts that a ledger needs. */

import * as z from "zod/mini";
import { digestSchema } from "../crypto/digest.ts";
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
});
export type LedgerRefund = z.infer<typeof ledgerRefundSchema>;

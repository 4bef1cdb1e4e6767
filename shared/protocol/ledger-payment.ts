/** A payment whose signature was verified, as the facts that a ledger needs. Signatures stop at the facilitator. */

import * as z from "zod/mini";
import { digestSchema } from "../crypto/digest.ts";
import { UPTO } from "../lez.ts";
import { wholeNumber } from "../whole-number.ts";
import { accountIdSchema } from "./account.ts";
import { amountSchema } from "./amount.ts";

export const unixSecondsSchema = wholeNumber();

const positive = wholeNumber().check(z.refine((seconds) => seconds > 0, "must not be 0"));

/** The limits that the ledger counts for a mandate. Amounts are atomic units, times unix seconds. */
export const ledgerMandateSchema = z.strictObject({
  digest: digestSchema,
  grantedAt: unixSecondsSchema,
  /** The first period begins here. */
  validAfter: unixSecondsSchema,
  validBefore: unixSecondsSchema,
  total: amountSchema,
  period: z.optional(z.strictObject({ seconds: positive, amount: amountSchema, count: z.optional(wholeNumber()) })),
});
export type LedgerMandate = z.infer<typeof ledgerMandateSchema>;

/** A verified authorization. Times are unix seconds. */
export const ledgerPaymentSchema = z
  .strictObject({
    payer: accountIdSchema,
    nonce: digestSchema,
    authorizationDigest: digestSchema,
    payee: accountIdSchema,
    /** Of `upto`: the most that may be charged. */
    value: amountSchema,
    /** Absent for `exact`. */
    scheme: z.optional(z.literal(UPTO)),
    validAfter: unixSecondsSchema,
    validBefore: unixSecondsSchema,
    requestDigest: z.optional(digestSchema),
    /** The mandate that the agent signed it under; absent if the payer's own key signed it. */
    mandate: z.optional(ledgerMandateSchema),
  })
  .check(z.refine((payment) => payment.payer !== payment.payee, "payer and payee are the same account"));
export type LedgerPayment = z.infer<typeof ledgerPaymentSchema>;

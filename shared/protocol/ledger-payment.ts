/** A payment whose signature was verified, as the facts that a ledger needs. Signatures stop at the facilitator. */

import * as z from "zod/mini";
import { digestSchema } from "../crypto/digest.ts";
import { wholeNumber } from "../whole-number.ts";
import { accountIdSchema } from "./account.ts";
import { amountSchema } from "./amount.ts";

export const unixSecondsSchema = wholeNumber();

/** A verified authorization. Times are unix seconds. */
export const ledgerPaymentSchema = z
  .strictObject({
    payer: accountIdSchema,
    nonce: digestSchema,
    authorizationDigest: digestSchema,
    payee: accountIdSchema,
    value: amountSchema,
    validAfter: unixSecondsSchema,
    validBefore: unixSecondsSchema,
    requestDigest: z.optional(digestSchema),
  })
  .check(z.refine((payment) => payment.payer !== payment.payee, "payer and payee are the same account"));
export type LedgerPayment = z.infer<typeof ledgerPaymentSchema>;

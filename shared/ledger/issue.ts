/** Paying money of the treasury out, by its operator: what is asked. */

import * as z from "zod/mini";
import { digestSchema } from "../crypto/digest.ts";
import { MAX_FUNDING } from "../limits.ts";
import { accountIdSchema } from "../protocol/account.ts";
import { amountSchema } from "../protocol/amount.ts";

/** `id`: 64 hex digits; one id pays once. */
export const fundingSchema = z.strictObject({
  account: accountIdSchema,
  amount: amountSchema.check(z.refine((amount) => BigInt(amount) <= MAX_FUNDING, `must be at most ${MAX_FUNDING} in one call`)),
  id: digestSchema,
});
/** `key`: the operator's bearer key. */
export const issueSchema = z.strictObject({ ...fundingSchema.shape, key: z.string() });
export type Issue = z.infer<typeof issueSchema>;

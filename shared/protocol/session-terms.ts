/** What an offer of `batch-settlement` asks of a session. spec/scheme_batch_settlement_lez.md. */

import * as z from "zod/mini";
import { publicKeySchema } from "../crypto/bytes.ts";
import { type Digest, digestSchema } from "../crypto/digest.ts";
import { MAX_SESSION_SECONDS, MAX_WITHDRAW_DELAY_SECONDS, MIN_WITHDRAW_DELAY_SECONDS } from "../limits.ts";
import { wholeNumber } from "../whole-number.ts";
import type { PaymentRequirements } from "../x402/x402.ts";
import { type Amount, amountSchema } from "./amount.ts";

export interface SessionTerms {
  ledger: Digest;
  /** The merchant's key for claims; x402's `receiverAuthorizer`. */
  receiver: string;
  /** Seconds. */
  withdrawDelay: number;
  /** A hint: a smaller deposit is no reason to refuse. */
  minDeposit?: Amount;
  /** The longest life of a session that the merchant takes. */
  maxSessionSeconds: number;
}

const numberBetween = (min: number, max: number) => wholeNumber(max).check(z.refine((value) => value >= min, `must be at least ${min}`));

const extraSchema = z.looseObject({
  ledger: digestSchema,
  receiverAuthorizer: publicKeySchema,
  withdrawDelay: numberBetween(MIN_WITHDRAW_DELAY_SECONDS, MAX_WITHDRAW_DELAY_SECONDS),
  minDeposit: z.optional(amountSchema),
  maxSessionSeconds: z.optional(numberBetween(1, MAX_SESSION_SECONDS)),
});

/** @returns undefined for an offer under which no session can be opened */
export function sessionTermsOf({ extra }: Pick<PaymentRequirements, "extra">): SessionTerms | undefined {
  const read = extraSchema.safeParse(extra);
  if (!read.success) return undefined;
  const { ledger, receiverAuthorizer: receiver, withdrawDelay, minDeposit, maxSessionSeconds = MAX_SESSION_SECONDS } = read.data;
  return { ledger, receiver, withdrawDelay, ...(minDeposit && { minDeposit }), maxSessionSeconds };
}

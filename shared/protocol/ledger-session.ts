/** A session, and a claim, whose signatures were verified, as the facts that a ledger needs. Amounts are atomic units, times unix seconds. */

import * as z from "zod/mini";
import { publicKeySchema } from "../crypto/bytes.ts";
import { digestSchema } from "../crypto/digest.ts";
import {
  MAX_CLAIMED_LANES,
  MAX_OPEN_SESSIONS,
  MAX_SESSION_CONFIG_BYTES,
  MAX_SIGNED_CLAIM_LENGTH,
  MAX_WITHDRAW_DELAY_SECONDS,
} from "../limits.ts";
import { wholeNumber } from "../whole-number.ts";
import { accountIdSchema } from "./account.ts";
import { amountSchema } from "./amount.ts";
import { ledgerMandateSchema, unixSecondsSchema } from "./ledger-payment.ts";
import { laneSchema } from "./voucher.ts";

/** What the ledger counts for a mandate, and what it counts of sessions alone: both limits hold over all that are open. */
const ledgerSessionMandateSchema = z.extend(ledgerMandateSchema, {
  session: z.strictObject({ deposit: amountSchema, open: wholeNumber(MAX_OPEN_SESSIONS) }),
});
export type LedgerSessionMandate = z.infer<typeof ledgerSessionMandateSchema>;

/** A verified session, to be opened. */
export const ledgerSessionSchema = z
  .strictObject({
    /** The digest of the Session. */
    id: digestSchema,
    /** The canonical text of the Session, which the ledger keeps for those who ask. */
    config: z.string().check(z.maxLength(MAX_SESSION_CONFIG_BYTES)),
    payer: accountIdSchema,
    nonce: digestSchema,
    payee: accountIdSchema,
    /** The key that signs vouchers. */
    signer: publicKeySchema,
    /** The key that signs claims. */
    receiver: publicKeySchema,
    deposit: amountSchema,
    validAfter: unixSecondsSchema,
    /** The last second in which it can be opened. */
    validBefore: unixSecondsSchema,
    /** The last second of vouchers. */
    expiresAt: unixSecondsSchema,
    withdrawDelay: wholeNumber(MAX_WITHDRAW_DELAY_SECONDS),
    requestDigest: z.optional(digestSchema),
    /** The mandate that the agent signed it under; absent if the payer's own key signed it. */
    mandate: z.optional(ledgerSessionMandateSchema),
  })
  .check(z.refine((session) => session.payer !== session.payee, "payer and payee are the same account"));
export type LedgerSession = z.infer<typeof ledgerSessionSchema>;

/** Names a session on its payer's shard. */
export const sessionNameSchema = z.strictObject({ payer: accountIdSchema, id: digestSchema });
export type SessionName = z.infer<typeof sessionNameSchema>;

/** A verified claim: every entry is covered by a voucher of the session's signer. */
export const ledgerClaimSchema = z.strictObject({
  ...sessionNameSchema.shape,
  /** Names the claim's own entries, as an authorization's digest names those of a payment. */
  claimDigest: digestSchema,
  /** Sorted by `lane`, each lane once; none if it is final. `amount` counts from the session's beginning. */
  lanes: z.array(z.strictObject({ lane: laneSchema, amount: amountSchema })).check(z.maxLength(MAX_CLAIMED_LANES)),
  /** The payee takes nothing more. */
  final: z.boolean(),
  /** JSON: a SignedClaim, to be shown as evidence. */
  signed: z.optional(z.string().check(z.maxLength(MAX_SIGNED_CLAIM_LENGTH))),
});
export type LedgerClaim = z.infer<typeof ledgerClaimSchema>;

/** A call of a session: what its lane had been charged once it was served. Atomic units. */
export const sessionCallSchema = z.strictObject({ ...sessionNameSchema.shape, lane: laneSchema, amount: amountSchema });
export type SessionCallName = z.infer<typeof sessionCallSchema>;

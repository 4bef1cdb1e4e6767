/** The Session: money that a payer sets aside for one payee, to be claimed by vouchers. spec/protocol.md §16. */

import * as z from "zod/mini";
import { publicKeySchema } from "../crypto/bytes.ts";
import { type Digest, digest, digestSchema } from "../crypto/digest.ts";
import { MAX_SESSION_SECONDS, MAX_WITHDRAW_DELAY_SECONDS, MIN_WITHDRAW_DELAY_SECONDS } from "../limits.ts";
import { unixSecondsText } from "../time.ts";
import { accountIdSchema } from "./account.ts";
import { amountSchema } from "./amount.ts";
import { signedMandateSchema } from "./mandate.ts";
import { originSchema } from "./origin.ts";
import { prove, type Proof, type ProofSigner, withProof } from "./proof.ts";
import { wholeText } from "./whole-text.ts";

/** All members are strings: amounts are atomic units, times unix seconds. An unknown member makes the session unusable. */
export const sessionSchema = z
  .strictObject({
    version: z.literal("1"),
    network: z.string().check(z.maxLength(64)),
    asset: z.string().check(z.maxLength(64)),
    ledger: digestSchema,
    from: accountIdSchema,
    to: accountIdSchema,
    /** The agent's key, which signs the vouchers. */
    signer: publicKeySchema,
    /** The payee's key, which signs the claims. */
    receiver: publicKeySchema,
    deposit: amountSchema,
    validAfter: unixSecondsText,
    /** The last second in which it can be opened. */
    validBefore: unixSecondsText,
    /** The last second in which a voucher is accepted. */
    expiresAt: unixSecondsText,
    /** Seconds in which the payee can still claim, after the end or after the payer has asked for the rest. */
    withdrawDelay: wholeText(MIN_WITHDRAW_DELAY_SECONDS, MAX_WITHDRAW_DELAY_SECONDS),
    /** Of the address that is paid for. */
    origin: originSchema,
    /** One (from, nonce) opens one session or pays once, ever. */
    nonce: digestSchema,
    /** The PaymentRequest whose reason the owner read; required under a mandate. */
    requestDigest: z.optional(digestSchema),
    /** The mandate under which its agent signed this; absent if the payer's own key did. */
    mandate: z.optional(digestSchema),
  })
  .check(
    z.refine(({ validAfter, validBefore }) => Number(validAfter) <= Number(validBefore), "ends before it can be opened"),
    z.refine(({ validBefore, expiresAt }) => Number(validBefore) <= Number(expiresAt), "can be opened after its end"),
    z.refine(
      ({ validAfter, expiresAt }) => Number(expiresAt) <= Number(validAfter) + MAX_SESSION_SECONDS,
      `lasts more than ${MAX_SESSION_SECONDS} seconds`,
    ),
  );
export type Session = z.infer<typeof sessionSchema>;

/** A session as it travels to be opened, with the mandate that it names. */
export const signedSessionSchema = withProof({ channelConfig: sessionSchema, mandate: z.optional(signedMandateSchema) });
export type SignedSession = z.infer<typeof signedSessionSchema>;

/** The session's id, which x402 calls `channelId`. */
export function sessionId(session: Session): Digest {
  return digest("Session", session);
}

export function signSession(session: Session, signer: ProofSigner): Promise<Proof> {
  return prove(sessionId(session), signer);
}

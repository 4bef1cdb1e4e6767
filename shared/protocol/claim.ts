/** The Claim: what a payee takes out of a session, lane by lane. spec/protocol.md §16. */

import * as z from "zod/mini";
import { signatureSchema } from "../crypto/bytes.ts";
import { type Digest, digest, digestSchema } from "../crypto/digest.ts";
import { verifyDigest } from "../crypto/ed25519.ts";
import { MAX_CLAIMED_LANES } from "../limits.ts";
import { amountSchema } from "./amount.ts";
import { transactionOf } from "./authorization.ts";
import type { WalletSigner } from "./signer.ts";
import { laneSchema } from "./voucher.ts";

const claimedLaneSchema = z.strictObject({
  lane: laneSchema,
  /** Atomic units: all that the payee takes out of this lane, with all claims before. */
  amount: amountSchema,
  /** The digest of a voucher that covers it. */
  voucher: digestSchema,
});
export type ClaimedLane = z.infer<typeof claimedLaneSchema>;

export const claimSchema = z
  .strictObject({
    version: z.literal("1"),
    ledger: digestSchema,
    /** The session's id. */
    session: digestSchema,
    /** Sorted by `lane`, each lane once. A final claim has none. */
    lanes: z
      .array(claimedLaneSchema)
      .check(
        z.maxLength(MAX_CLAIMED_LANES, `must have at most ${MAX_CLAIMED_LANES} entries`),
        z.refine(isSorted, "must be sorted by lane, each lane once"),
      ),
    /** `yes`: the payee takes nothing more, and the rest is the payer's again. */
    final: z.enum(["yes", "no"]),
  })
  .check(
    z.refine(({ lanes, final }) => (lanes.length === 0) === (final === "yes"), "a final claim has no lanes, and every other has some"),
  );
export type Claim = z.infer<typeof claimSchema>;

/** Signed by the session's `receiver`. Whose key that is says the session, so none is beside it. */
export const signedClaimSchema = z.strictObject({ claim: claimSchema, signature: signatureSchema });
export type SignedClaim = z.infer<typeof signedClaimSchema>;

/** By code units, as every sorted list of a signed object. */
function isSorted(lanes: readonly ClaimedLane[]): boolean {
  return lanes.every(({ lane }, i) => i === 0 || String(lanes[i - 1]?.lane) < lane);
}

export function claimDigest(claim: Claim): Digest {
  return digest("Claim", claim);
}

/** The id of the claim's settlement. */
export function claimTransaction(network: string, claim: Claim): Digest {
  return transactionOf(network, claimDigest(claim));
}

export function signClaim(claim: Claim, payee: WalletSigner): Promise<string> {
  return payee.sign(claimDigest(claim));
}

/** @param receiver the public key that the session names */
export function isGenuineClaim(claim: Claim, signature: string, receiver: string): Promise<boolean> {
  return verifyDigest(signature, claimDigest(claim), receiver);
}

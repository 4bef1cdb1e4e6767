/** The Revocation: the end of one mandate, or of all that an owner has granted up to now. spec/protocol.md §13. */

import * as z from "zod/mini";
import { type Digest, digest, digestSchema } from "../crypto/digest.ts";
import { verifyDigest } from "../crypto/ed25519.ts";
import { unixSecondsText } from "../time.ts";
import { accountIdSchema } from "./account.ts";
import { ANY, isGenuineMandate, mandateDigest, type SignedMandate, signedMandateSchema } from "./mandate.ts";
import type { PasskeyRules } from "./passkey.ts";
import { prove, type ProofSigner, type ProofVerdict, verifyProof, withProof } from "./proof.ts";

export const revocationSchema = z.strictObject({
  version: z.literal("1"),
  network: z.string().check(z.maxLength(64)),
  ledger: digestSchema,
  /** The account that granted it. */
  from: accountIdSchema,
  /** One mandate; or `*`: all that were granted up to `revokedAt`. */
  mandate: z.union([digestSchema, z.literal(ANY)]),
  /** Unix seconds. */
  revokedAt: unixSecondsText,
});
export type Revocation = z.infer<typeof revocationSchema>;

/** `mandate` is beside it exactly if the agent signed: an agent gives up its own power, and no other. */
export const signedRevocationSchema = withProof({ revocation: revocationSchema, mandate: z.optional(signedMandateSchema) });
export type SignedRevocation = z.infer<typeof signedRevocationSchema>;

export function revocationDigest(revocation: Revocation): Digest {
  return digest("Revocation", revocation);
}

/** @param mandate given if the signer is its agent */
export async function signRevocation(revocation: Revocation, signer: ProofSigner, mandate?: SignedMandate): Promise<SignedRevocation> {
  return { revocation, ...(mandate && { mandate }), ...(await prove(revocationDigest(revocation), signer)) };
}

/** Whether it was signed for the account that granted the mandate, or by the agent of the one mandate that it ends. */
export async function isGenuineRevocation(signed: SignedRevocation, rules: PasskeyRules = {}): Promise<boolean> {
  return (await verifyRevocation(signed, rules)).ok;
}

/** The same, with which rule the proof breaks. One key of a policy is enough. */
export async function verifyRevocation({ revocation, mandate, ...proof }: SignedRevocation, rules: PasskeyRules): Promise<ProofVerdict> {
  const id = revocationDigest(revocation);
  if (!mandate) return verifyProof(proof, { type: "Revocation", digest: id, account: revocation.from }, rules);
  const { from, agent } = mandate.mandate;
  const ok =
    revocation.mandate === mandateDigest(mandate.mandate) &&
    revocation.from === from &&
    proof.publicKey === agent &&
    (await verifyDigest(proof.signature, id, agent)) &&
    // Else anyone could make up mandates of this account, and fill what its ledger keeps.
    (await isGenuineMandate(mandate, rules));
  return { ok };
}

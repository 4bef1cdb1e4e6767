/** The Withdrawal: the payer, or its agent, wants the rest of a session back. spec/protocol.md §16. */

import * as z from "zod/mini";
import { type Digest, digest, digestSchema } from "../crypto/digest.ts";
import { verifyDigest } from "../crypto/ed25519.ts";
import { unixSecondsText } from "../time.ts";
import { accountIdSchema } from "./account.ts";
import type { PasskeyRules } from "./passkey.ts";
import { prove, type ProofSigner, type ProofVerdict, verifyProof, withProof } from "./proof.ts";

export const withdrawalSchema = z.strictObject({
  version: z.literal("1"),
  ledger: digestSchema,
  /** The session's id. */
  session: digestSchema,
  /** The account whose money it is. */
  from: accountIdSchema,
  /** Unix seconds. */
  requestedAt: unixSecondsText,
});
export type Withdrawal = z.infer<typeof withdrawalSchema>;

/** By the payer, of whose policy one key is enough, or by the session's `signer`. */
export const signedWithdrawalSchema = withProof({ withdrawal: withdrawalSchema });
export type SignedWithdrawal = z.infer<typeof signedWithdrawalSchema>;

export function withdrawalDigest(withdrawal: Withdrawal): Digest {
  return digest("Withdrawal", withdrawal);
}

export async function signWithdrawal(withdrawal: Withdrawal, signer: ProofSigner): Promise<SignedWithdrawal> {
  return { withdrawal, ...(await prove(withdrawalDigest(withdrawal), signer)) };
}

/** @param signer the public key that the session names */
export async function provesWithdrawal(
  { withdrawal, ...proof }: SignedWithdrawal,
  signer: string,
  rules: PasskeyRules,
): Promise<ProofVerdict> {
  const digest = withdrawalDigest(withdrawal);
  if (proof.publicKey === signer) return { ok: await verifyDigest(proof.signature, digest, signer) };
  return verifyProof(proof, { type: "Withdrawal", digest, account: withdrawal.from }, rules);
}

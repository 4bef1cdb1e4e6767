/** The Withdrawal: the payer, or its agent, wants the rest of a session back. spec/protocol.md §16. */

import * as z from "zod/mini";
import { type Digest, digest, digestSchema } from "../crypto/digest.ts";
import { verifyDigest } from "../crypto/ed25519.ts";
import { accountIdSchema } from "./account.ts";
import { unixSecondsText } from "./authorization.ts";
import { prove, provesAccount, withKeyProof } from "./proof.ts";
import type { WalletSigner } from "./signer.ts";

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

/** By the payer's key, or by the session's `signer`. */
export const signedWithdrawalSchema = withKeyProof({ withdrawal: withdrawalSchema });
export type SignedWithdrawal = z.infer<typeof signedWithdrawalSchema>;

export function withdrawalDigest(withdrawal: Withdrawal): Digest {
  return digest("Withdrawal", withdrawal);
}

export async function signWithdrawal(withdrawal: Withdrawal, signer: WalletSigner): Promise<SignedWithdrawal> {
  return { withdrawal, ...(await prove(withdrawalDigest(withdrawal), signer)) };
}

/** @param signer the public key that the session names */
export async function isGenuineWithdrawal({ withdrawal, ...proof }: SignedWithdrawal, signer: string): Promise<boolean> {
  const id = withdrawalDigest(withdrawal);
  if (proof.publicKey === signer) return verifyDigest(proof.signature, id, signer);
  return provesAccount(proof, id, withdrawal.from);
}

/** A transfer: an Authorization that pays no request, from one account to another. spec/protocol.md §15. */

import * as z from "zod/mini";
import { type Digest, digest, digestSchema } from "../crypto/digest.ts";
import type { AccountId } from "./account.ts";
import { type Authorization, authorizationDigest, authorizationSchema, transactionOf } from "./authorization.ts";
import type { PasskeyRules } from "./passkey.ts";
import { prove, type ProofSigner, type ProofVerdict, verifyProof, withProof } from "./proof.ts";

const { network, asset, from, to, value, validAfter, validBefore, nonce } = authorizationSchema.shape;

/** No member of a payment: a transfer is bound to no request, and no mandate covers it. */
export const transferSchema = z.strictObject({
  network,
  asset,
  from,
  to,
  value,
  validAfter,
  validBefore,
  /** Follows from the payer's own id of the transfer, so that one id pays once. */
  nonce,
  ledger: digestSchema,
  purpose: z.literal("transfer"),
});
export type Transfer = z.infer<typeof transferSchema>;
export type TransferTerms = Omit<Transfer, "validAfter" | "validBefore" | "purpose">;

export const signedTransferSchema = withProof({ authorization: transferSchema });
export type SignedTransfer = z.infer<typeof signedTransferSchema>;

/** The nonce of the transfer that its payer calls `id`. */
export function transferNonce(from: AccountId, id: string): Digest {
  return digest("Nonce", { from, transfer: id });
}

/** What an owner approves: everything but the time of the signature. */
export function transferTerms({ network, asset, ledger, from, to, value, nonce }: TransferTerms): Digest {
  return digest("TransferTerms", { network, asset, ledger, from, to, value, nonce });
}

export async function signTransfer(transfer: Transfer, signer: ProofSigner): Promise<SignedTransfer> {
  return { authorization: transfer, ...(await prove(authorizationDigest(transfer satisfies Authorization), signer)) };
}

/** Whether it was signed for the account that sends. */
export function provesTransfer({ authorization, ...proof }: SignedTransfer, rules: PasskeyRules): Promise<ProofVerdict> {
  return verifyProof(proof, { type: "Authorization", digest: authorizationDigest(authorization), account: authorization.from }, rules);
}

/** The id of its settlement, before or after it is made. */
export function transactionOfTransfer(transfer: Transfer): Digest {
  return transactionOf(transfer.network, authorizationDigest(transfer));
}

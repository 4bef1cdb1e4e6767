/**
 * Who signed an object for an account: the key of the account, beside the object. An account of another kind will bring a proof of
 * its own kind; then `withProof` makes a union, and nothing that is signed today changes. spec/protocol.md §13.
 */

import * as z from "zod/mini";
import { hexToBytes, publicKeySchema, signatureSchema } from "../crypto/bytes.ts";
import type { Digest } from "../crypto/digest.ts";
import { verifyDigest } from "../crypto/ed25519.ts";
import { type AccountId, accountOfKey } from "./account.ts";
import type { WalletSigner } from "./signer.ts";

const proof = { publicKey: publicKeySchema, signature: signatureSchema };
const proofSchema = z.strictObject(proof);
export type Proof = z.infer<typeof proofSchema>;

/** The schema of an object together with its proof, and nothing else. */
export function withProof<Shape extends z.core.$ZodShape>(shape: Shape) {
  return z.strictObject({ ...shape, ...proof });
}

export async function prove(digest: Digest, signer: WalletSigner): Promise<Proof> {
  return { publicKey: signer.publicKey, signature: await signer.sign(digest) };
}

/** Whether the proof was made for this digest by what controls the account. Never throws. */
export async function provesAccount({ publicKey, signature }: Proof, digest: Digest, account: AccountId): Promise<boolean> {
  return accountOfKey(hexToBytes(publicKey)) === account && (await verifyDigest(signature, digest, publicKey));
}

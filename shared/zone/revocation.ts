/**
 * The payer's word that its transfer shall not be sent: it ends a payment of which nothing has left yet. A signed transfer itself cannot be
 * called back. spec/scheme_exact_lez_native.md.
 */

import * as z from "zod/mini";
import { bytesToHex, hexToBytes, signatureSchema } from "../crypto/bytes.ts";
import { type Digest, digest, digestSchema } from "../crypto/digest.ts";
import { unixSecondsText } from "../time.ts";
import { signSchnorr, verifySchnorr } from "./schnorr.ts";

export const nativeRevocationSchema = z.strictObject({
  network: z.string().check(z.maxLength(64)),
  /** The hash of block 1. */
  ledger: digestSchema,
  /** H of the transfer. */
  messageHash: digestSchema,
  /** Unix seconds. */
  revokedAt: unixSecondsText,
});
export type NativeRevocation = z.infer<typeof nativeRevocationSchema>;

/** The body of `POST /native/cancel`: the payment in x402's words, and the revocation. */
export const nativeCancelSchema = z.strictObject({
  paymentPayload: z.unknown(),
  paymentRequirements: z.unknown(),
  revocation: nativeRevocationSchema,
  /** BIP-340 by the key of the transaction's witness, over the revocation's digest. */
  signature: signatureSchema,
});
export type NativeCancel = z.infer<typeof nativeCancelSchema>;

export function nativeRevocationDigest(revocation: NativeRevocation): Digest {
  return digest("NativeRevocation", revocation);
}

/** @param aux 32 bytes, random where absent */
export function signNativeRevocation(
  revocation: NativeRevocation,
  secretKey: Uint8Array,
  aux?: Uint8Array,
): Pick<NativeCancel, "revocation" | "signature"> {
  return { revocation, signature: bytesToHex(signSchnorr(nativeRevocationDigest(revocation), secretKey, aux)) };
}

/** @param publicKey of the transaction's witness, 32 bytes */
export function isGenuineNativeRevocation(
  { revocation, signature }: Pick<NativeCancel, "revocation" | "signature">,
  publicKey: Uint8Array,
): boolean {
  return verifySchnorr(hexToBytes(signature), nativeRevocationDigest(revocation), publicKey);
}

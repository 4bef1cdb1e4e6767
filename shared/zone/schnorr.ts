/** BIP-340 signatures over secp256k1, of 32 bytes. The only file that imports the curve; no merchant and no ledger imports this one. */

import { schnorr } from "@noble/curves/secp256k1.js";
import { bytesToHex, hexToBytes } from "../crypto/bytes.ts";
import type { Digest } from "../crypto/digest.ts";

/**
 * Whether the holder of the key signed the hash. Never throws: a key off the curve, R ≥ p, S ≥ n and wrong lengths are false.
 * @param signature 64 bytes
 * @param publicKey the x-coordinate, 32 bytes
 */
export function verifySchnorr(signature: Uint8Array, hash: Digest, publicKey: Uint8Array): boolean {
  if (signature.length !== 64 || publicKey.length !== 32) return false;
  return schnorr.verify(signature, hexToBytes(hash), publicKey);
}

/** Whether this is the x-coordinate of a point of the curve. LEZ reads no other key. */
export function isCurveKey(publicKey: Uint8Array): boolean {
  if (publicKey.length !== 32) return false;
  try {
    schnorr.utils.lift_x(BigInt(`0x${bytesToHex(publicKey)}`));
    return true;
  } catch {
    return false;
  }
}

/** Whether 32 bytes are a secret key: neither zero nor the group's order or more. */
export function isSecretKey(secretKey: Uint8Array): boolean {
  try {
    schnorr.getPublicKey(secretKey);
    return true;
  } catch {
    return false;
  }
}

/** 32 bytes of a new secret key. */
export function newSecretKey(): Uint8Array {
  return schnorr.utils.randomSecretKey();
}

/** The x-coordinate of a secret key's point, 32 bytes. */
export function publicKeyOf(secretKey: Uint8Array): Uint8Array {
  return schnorr.getPublicKey(secretKey);
}

/** Checks its own result before it returns it. @param aux 32 bytes, random where absent: another value makes another good signature */
export function signSchnorr(hash: Digest, secretKey: Uint8Array, aux?: Uint8Array): Uint8Array {
  return schnorr.sign(hexToBytes(hash), secretKey, aux);
}

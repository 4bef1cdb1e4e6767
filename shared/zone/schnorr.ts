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

/** The point of a secret key, compressed: 33 bytes. @returns undefined for 32 bytes that are no secret key */
export function compressedKeyOf(secretKey: Uint8Array): Uint8Array | undefined {
  const scalar = scalarOf(secretKey);
  return scalar === undefined ? undefined : schnorr.Point.BASE.multiply(scalar).toBytes(true);
}

/** The sum of two secret keys, modulo the group's order. @returns undefined if one of them or the sum is no secret key */
export function addSecretKeys(one: Uint8Array, other: Uint8Array): Uint8Array | undefined {
  const { Fn } = schnorr.Point;
  const [a, b] = [scalarOf(one), scalarOf(other)];
  const sum = a === undefined || b === undefined ? Fn.ZERO : Fn.add(a, b);
  return Fn.is0(sum) ? undefined : Fn.toBytes(sum);
}

/** What a secret key is multiplied with: above zero and below the group's order. */
function scalarOf(secretKey: Uint8Array): bigint | undefined {
  const { Fn } = schnorr.Point;
  if (secretKey.length !== 32) return undefined;
  const scalar = BigInt(`0x${bytesToHex(secretKey)}`);
  return Fn.isValidNot0(scalar) ? scalar : undefined;
}

/** Checks its own result before it returns it. @param aux 32 bytes, random where absent: another value makes another good signature */
export function signSchnorr(hash: Digest, secretKey: Uint8Array, aux?: Uint8Array): Uint8Array {
  return schnorr.sign(hexToBytes(hash), secretKey, aux);
}

/** Makes Ed25519 keys and signatures. Only the CLI imports this: the Workers verify, and sign nothing for an account. */

import { getPublicKeyAsync, signAsync } from "@noble/ed25519";
import { bytesToHex, hexToBytes, randomBytes } from "../crypto/bytes.ts";
import type { Digest } from "../crypto/digest.ts";
import { type AccountId, accountOfKey } from "./account.ts";

/**
 * Signs for an account: a key file today, a hardware key or another chain's wallet tomorrow.
 * It shows no private material and signs protocol digests, never arbitrary bytes.
 */
export interface WalletSigner {
  /** 64 hex digits. */
  readonly publicKey: string;
  readonly account: AccountId;
  /** 128 hex digits. */
  sign(digest: Digest): Promise<string>;
}

export function generateSecretKey(): Uint8Array {
  return randomBytes(32);
}

/** A signer over a 32-byte Ed25519 seed held in memory. Printed or serialised, it shows the public half only. */
export async function keySigner(secretKey: Uint8Array): Promise<WalletSigner> {
  const publicKey = await getPublicKeyAsync(secretKey);
  return {
    publicKey: bytesToHex(publicKey),
    account: accountOfKey(publicKey),
    sign: async (digest) => bytesToHex(await signAsync(hexToBytes(digest), secretKey)),
  };
}

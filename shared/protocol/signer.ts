/** Making Ed25519 keys and signatures. Only tools of people import this; the Workers verify and never sign. */
import { getPublicKeyAsync, signAsync } from "@noble/ed25519";
import { type AccountId, accountOfKey } from "./account.ts";
import { bytesToHex, hexToBytes, randomBytes } from "../crypto/bytes.ts";
import type { Digest } from "../crypto/digest.ts";

/**
 * Whoever can sign for an account: a key file today, a hardware key or another chain's wallet tomorrow.
 * A signer shows no private material and signs protocol digests, never arbitrary bytes.
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

/** A signer over a 32-byte Ed25519 seed held in memory. Printing or serialising it shows the public half only. */
export async function keySigner(secretKey: Uint8Array): Promise<WalletSigner> {
  const publicKey = await getPublicKeyAsync(secretKey);
  return {
    publicKey: bytesToHex(publicKey),
    account: accountOfKey(publicKey),
    sign: async (digest) => bytesToHex(await signAsync(hexToBytes(digest), secretKey)),
  };
}

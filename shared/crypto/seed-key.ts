/** A Worker's own signing key, from a secret: it signs checkpoints, offers and receipts, and owns no account. */

import { base64urlnopad } from "@scure/base";
import { ConfigurationError } from "../configuration-error.ts";
import { bytesToHex, hexToBytes } from "./bytes.ts";

/** The PKCS #8 prefix of an Ed25519 seed (RFC 8410 §7). */
const PKCS8_PREFIX = "302e020100300506032b657004220420";

type PrivateKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

export interface SeedKey {
  privateKey: PrivateKey;
  /** 64 hex digits. */
  publicKey: string;
}

/**
 * @param seed 64 hex digits
 * @param name what the secret is called
 * @throws {ConfigurationError} for anything else, so that a typing mistake is noticed
 */
export async function importSeed(seed: string, name: string): Promise<SeedKey> {
  if (!/^[0-9a-f]{64}$/.test(seed)) throw new ConfigurationError(`${name} must be 64 lowercase hex digits`);
  const privateKey = await crypto.subtle.importKey("pkcs8", hexToBytes(PKCS8_PREFIX + seed), "Ed25519", true, ["sign"]);
  const { x = "" } = (await crypto.subtle.exportKey("jwk", privateKey)) as { x?: string };
  return { privateKey, publicKey: bytesToHex(base64urlnopad.decode(x)) };
}

/** Its signature over a protocol digest: 128 hex digits. */
export async function signDigest({ privateKey }: Pick<SeedKey, "privateKey">, digest: string): Promise<string> {
  return bytesToHex(new Uint8Array(await crypto.subtle.sign("Ed25519", privateKey, hexToBytes(digest))));
}

/**
 * A second key of an account as a key file of the command line: of role owner, sealed with a passphrase. The key is made here, and is
 * nowhere unsealed but in this function.
 */

// The same cipher without unrolled loops: a third of the code, and 32 bytes take no time.
import { chacha20poly1305 } from "@noble/ciphers/_micro.js";
import { scryptAsync } from "@noble/hashes/scrypt.js";
import { bytesToHex, hexToBytes, randomBytes, utf8 } from "../../../../shared/crypto/bytes.ts";
import { canonicalJson } from "../../../../shared/crypto/digest.ts";
import { type AccountId, accountOfKey } from "../../../../shared/protocol/account.ts";
import { formatTimestamp, unixNow } from "../../../../shared/time.ts";

/** What the command line seals owner keys with. It opens no cheaper file. */
const SCRYPT = { N: 2 ** 17, r: 8, p: 1 } as const;

export interface SealedKey {
  account: AccountId;
  /** The file's text: `lez-agent-pay owner show` reads it. */
  text: string;
}

/** @param passphrase as typed; two keyboards may encode the same accented letter in two ways */
export async function sealedOwnerKey(passphrase: string): Promise<SealedKey> {
  const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  const publicKey = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  // RFC 8410: the seed is the end of it.
  const pkcs8 = new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey));
  const account = accountOfKey(publicKey);
  const seal = {
    kdf: "scrypt",
    ...SCRYPT,
    salt: bytesToHex(randomBytes(32)),
    cipher: "chacha20-poly1305",
    nonce: bytesToHex(randomBytes(12)),
  };
  const half = {
    format: "lez-agent-pay/key/1",
    role: "owner",
    account,
    publicKey: bytesToHex(publicKey),
    createdAt: formatTimestamp(unixNow()),
  };
  const header = { ...half, seal };
  const secret = utf8(passphrase.normalize("NFC"));
  const sealing = await scryptAsync(secret, hexToBytes(seal.salt), { ...SCRYPT, dkLen: 32 });
  const ciphertext = chacha20poly1305(sealing, hexToBytes(seal.nonce), utf8(canonicalJson(header))).encrypt(pkcs8.subarray(-32));
  for (const bytes of [pkcs8, secret, sealing]) bytes.fill(0);
  return { account, text: `${JSON.stringify({ ...header, ciphertext: bytesToHex(ciphertext) }, undefined, 2)}\n` };
}

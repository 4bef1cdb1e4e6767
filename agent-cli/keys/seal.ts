/** Sealing a secret key with a passphrase, under a header that the seal covers whole: nothing of it can be swapped. */

import * as crypto from "node:crypto";
import { promisify } from "node:util";
import * as z from "zod";
import { bytesToHex, hexSchema, hexToBytes, utf8 } from "../../shared/crypto/bytes.ts";
import { canonicalJson } from "../../shared/crypto/digest.ts";
import { MAX_SCRYPT_COST, SCRYPT_COST } from "../runtime/limits.ts";
import { Secret } from "../runtime/secret.ts";

const CIPHER = "chacha20-poly1305";
const TAG_BYTES = 16;

/** Bounded: a header cannot ask for a cheap key derivation (a downgrade) or for one that exhausts the machine. */
const sealSchema = z.strictObject({
  kdf: z.literal("scrypt"),
  N: z
    .int()
    .check(
      z.refine((n) => n >= SCRYPT_COST && n <= MAX_SCRYPT_COST && Number.isInteger(Math.log2(n)), `must be a power of two, 2^17 to 2^20`),
    ),
  r: z.literal(8),
  p: z.literal(1),
  salt: hexSchema(32),
  cipher: z.literal(CIPHER),
  nonce: hexSchema(12),
});

/** The members of a sealed key file beside its public half. */
export const sealedFields = { seal: sealSchema, ciphertext: hexSchema(32 + TAG_BYTES) };

interface Sealed {
  seal: z.infer<typeof sealSchema>;
  ciphertext: string;
}

/** @returns undefined for a wrong passphrase, and for a file that was changed */
export async function openSealed({ ciphertext, ...header }: Sealed, passphrase: Secret): Promise<Secret | undefined> {
  const box = hexToBytes(ciphertext);
  const decipher = crypto.createDecipheriv(CIPHER, await derive(passphrase, header.seal), hexToBytes(header.seal.nonce), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(associatedData(header), { plaintextLength: 32 });
  decipher.setAuthTag(box.subarray(32));
  try {
    return new Secret(Buffer.concat([decipher.update(box.subarray(0, 32)), decipher.final()]));
  } catch {
    return undefined;
  }
}

/** @param half the public half @param secretKey 32 bytes */
export async function sealSecret<Half extends object>(half: Half, secretKey: Secret, passphrase: Secret): Promise<Half & Sealed> {
  const seal = {
    kdf: "scrypt" as const,
    N: SCRYPT_COST,
    r: 8 as const,
    p: 1 as const,
    // A fresh salt makes each derived key single-use, so a random nonce of 96 bits cannot repeat under it.
    salt: bytesToHex(crypto.randomBytes(32)),
    cipher: CIPHER as typeof CIPHER,
    nonce: bytesToHex(crypto.randomBytes(12)),
  };
  const header = { ...half, seal };
  const cipher = crypto.createCipheriv(CIPHER, await derive(passphrase, seal), hexToBytes(seal.nonce), { authTagLength: TAG_BYTES });
  cipher.setAAD(associatedData(header), { plaintextLength: 32 });
  const box = Buffer.concat([cipher.update(secretKey.reveal()), cipher.final(), cipher.getAuthTag()]);
  return { ...header, ciphertext: bytesToHex(box) };
}

/** The whole header: neither role nor account nor parameters can be swapped without breaking the seal. */
function associatedData(header: object): Uint8Array {
  return utf8(canonicalJson(header));
}

function derive(passphrase: Secret, { N, r, p, salt }: z.infer<typeof sealSchema>): Promise<Buffer> {
  const scrypt = promisify<crypto.BinaryLike, crypto.BinaryLike, number, crypto.ScryptOptions, Buffer>(crypto.scrypt);
  return scrypt(passphrase.reveal(), hexToBytes(salt), 32, { N, r, p, maxmem: 256 * N * r });
}

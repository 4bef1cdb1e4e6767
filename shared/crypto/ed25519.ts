/**
 * Strict Ed25519 verification (the acceptance set of dalek's `verify_strict`).
 *
 * WebCrypto alone accepts small-order and non-canonical public keys, for which one signature fits every message;
 * the point checks below close that. Verification is WebCrypto because it is an order of magnitude faster than
 * JavaScript. Only the CLI signs: protocol/signer.ts.
 */

import { keepNewest } from "../bounded.ts";
import { MAX_REMEMBERED_SIGNATURES } from "../limits.ts";
import { bytesToHex, hexToBytes } from "./bytes.ts";

/** The field's prime, 2^255 - 19, above every y-coordinate. Hex here has the highest digit first. */
const P = `7f${"ff".repeat(30)}ed`;

/** y-coordinates of the eight points of small order. A key or R with one of these makes a signature fit many messages. */
const SMALL_ORDER_Y: readonly string[] = [
  "00".repeat(32),
  `${"00".repeat(31)}01`,
  `7f${"ff".repeat(30)}ec`, // P - 1
  "05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826",
  "7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7",
];

/** y-coordinates from P to 2^255 - 1: the second spellings of 0 to 18. */
const UNREDUCED_Y: readonly string[] = Array.from({ length: 19 }, (_, k) => (BigInt(`0x${P}`) + BigInt(k)).toString(16));

/** The 48 encodings that are refused, as bytes in hex: little-endian y, with either sign of x in the top bit. */
const UNUSABLE: ReadonlySet<string> = new Set(
  [...SMALL_ORDER_Y, ...UNREDUCED_Y].flatMap((y) => [0, 0x80].map((sign) => encoding(hexToBytes(y), sign))),
);

function encoding(bigEndian: Uint8Array, sign: number): string {
  const bytes = bigEndian.toReversed();
  bytes[31] = (bytes[31] ?? 0) | sign;
  return bytesToHex(bytes);
}

/** Canonically encoded, and not of small order. `point` is 32 bytes: little-endian y, the sign of x in the top bit. */
export function isUsablePoint(point: Uint8Array): boolean {
  return !UNUSABLE.has(bytesToHex(point));
}

/**
 * True if `signature` (64 bytes) over `message` was made by the holder of `publicKey` (32 bytes), and could not
 * have been made for another message or key. Never throws.
 */
export async function verifyStrict(
  signature: Uint8Array<ArrayBuffer>,
  message: Uint8Array<ArrayBuffer>,
  publicKey: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const key = await importStrict(publicKey);
  return key !== undefined && verifyBy(key, signature, message);
}

type PublicKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

/** The key, if any signature of it can be accepted. */
async function importStrict(publicKey: Uint8Array<ArrayBuffer>): Promise<PublicKey | undefined> {
  if (publicKey.length !== 32 || !isUsablePoint(publicKey)) return undefined;
  try {
    return await crypto.subtle.importKey("raw", publicKey, "Ed25519", false, ["verify"]);
  } catch {
    return undefined; // not a point on the curve
  }
}

async function verifyBy(key: PublicKey, signature: Uint8Array<ArrayBuffer>, message: Uint8Array<ArrayBuffer>): Promise<boolean> {
  if (signature.length !== 64 || !isUsablePoint(signature.subarray(0, 32))) return false;
  try {
    return await crypto.subtle.verify("Ed25519", key, signature, message);
  } catch {
    return false; // R is no point on the curve
  }
}

/** One key's signatures over protocol digests, all in hex. What depends on the key alone is computed once. */
export class DigestVerifier {
  readonly #publicKey: string;
  #key: PublicKey | "unusable" | undefined;

  constructor(publicKey: string) {
    this.#publicKey = publicKey;
  }

  /** As `verifyStrict`. */
  async verify(signature: string, digest: string): Promise<boolean> {
    // The key is kept, never its promise: a Worker cannot await another request's I/O.
    this.#key ??= (await importStrict(hexToBytes(this.#publicKey))) ?? "unusable";
    return this.#key !== "unusable" && verifyBy(this.#key, hexToBytes(signature), hexToBytes(digest));
  }
}

/** Signatures that verified, by signature, digest and key: the same three give the same answer. */
const good = new Map<string, true>();

/** `verifyStrict` for a signature over a protocol digest, all three in hex. One that verified a moment ago is not computed again. */
export async function verifyDigest(signature: string, digest: string, publicKey: string): Promise<boolean> {
  const all = `${signature} ${digest} ${publicKey}`;
  if (good.has(all)) return true;
  if (!(await verifyStrict(hexToBytes(signature), hexToBytes(digest), hexToBytes(publicKey)))) return false;
  keepNewest(good, all, true, MAX_REMEMBERED_SIGNATURES);
  return true;
}

/** Whether `verifyStrict` could ever accept this key. */
export function isUsableKey(publicKey: string): boolean {
  return isUsablePoint(hexToBytes(publicKey));
}

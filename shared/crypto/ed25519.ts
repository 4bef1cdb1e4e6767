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

/** The field's prime, 2^255 - 19, above every y-coordinate. All hex here has the highest digit first. */
const P = `7f${"ff".repeat(30)}ed`;

/** y-coordinates of the eight points of small order. A key or R with one of these makes a signature fit many messages. */
const SMALL_ORDER_Y: ReadonlySet<string> = new Set([
  "00".repeat(32),
  `${"00".repeat(31)}01`,
  `7f${"ff".repeat(30)}ec`, // P - 1
  "05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826",
  "7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7",
]);

/** Canonically encoded, and not of small order. `point` is 32 bytes: little-endian y, the sign of x in the top bit. */
export function isUsablePoint(point: Uint8Array): boolean {
  const bigEndian = point.toReversed();
  bigEndian[0] = (bigEndian[0] ?? 0) & 0x7f;
  const y = bytesToHex(bigEndian);
  return y < P && !SMALL_ORDER_Y.has(y);
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
  if (signature.length !== 64 || publicKey.length !== 32) return false;
  if (!isUsablePoint(publicKey) || !isUsablePoint(signature.subarray(0, 32))) return false;
  try {
    const key = await crypto.subtle.importKey("raw", publicKey, "Ed25519", false, ["verify"]);
    return await crypto.subtle.verify("Ed25519", key, signature, message);
  } catch {
    return false; // not a point on the curve
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

/**
 * Strict P-256 verification: WebCrypto, and what it leaves open. A key has one spelling, a compressed point on the curve; a signature has
 * one of its two, the one with the lower s. So no proof can be turned into another that is as good.
 */

import { bytesToHex, concatBytes, hexToBytes } from "./bytes.ts";

/** The field's prime, the curve's constant b and the group's order. FIPS 186-5; SEC 2 §2.4.2. */
const P = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
const B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;
const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const HALF_N = N / 2n;

/** Of an uncompressed key on this curve, up to its x. */
const SPKI_PREFIX = "3059301306072a8648ce3d020106082a8648ce3d03010703420004";

const CURVE = { name: "ECDSA", namedCurve: "P-256" } as const;
const ECDSA = { name: "ECDSA", hash: "SHA-256" } as const;

/**
 * Whether the holder of the key signed the SHA-256 of the message. Never throws.
 * @param signature r and s, 128 hex digits, with s in the lower half
 * @param publicKey a compressed point, 66 hex digits
 */
export async function verifyP256(signature: string, message: Uint8Array<ArrayBuffer>, publicKey: string): Promise<boolean> {
  const point = isLowSignature(signature) ? uncompressed(publicKey) : undefined;
  if (!point) return false;
  const key = await crypto.subtle.importKey("raw", point, CURVE, false, ["verify"]);
  return crypto.subtle.verify(ECDSA, key, hexToBytes(signature), message);
}

/** Whether r and s are in the range of an honest signature, and s is the lower of its two. */
function isLowSignature(signature: string): boolean {
  const [r, s] = [BigInt(`0x${signature.slice(0, 64)}`), BigInt(`0x${signature.slice(64)}`)];
  return r > 0n && r < N && s > 0n && s <= HALF_N;
}

/** The spelling of a signature that verifies here: WebCrypto and authenticators make either. @param signature r and s, 64 bytes */
export function withLowS(signature: Uint8Array): string {
  const s = BigInt(`0x${bytesToHex(signature.subarray(32))}`);
  return bytesToHex(signature.subarray(0, 32)) + word(s > HALF_N ? N - s : s);
}

/**
 * The key as proofs spell it, of what a browser's `getPublicKey()` returns.
 * @param spki SubjectPublicKeyInfo (RFC 5480) of a P-256 key, with an uncompressed point at its end
 * @returns 66 hex digits; undefined for any other key
 */
export function compressedKey(spki: Uint8Array): string | undefined {
  const hex = bytesToHex(spki);
  const point = hex.startsWith(SPKI_PREFIX) ? hex.slice(SPKI_PREFIX.length) : "";
  if (point.length !== 128) return undefined;
  return (Number.parseInt(point.slice(-1), 16) % 2 === 0 ? "02" : "03") + point.slice(0, 64);
}

/** r and s of a DER signature (RFC 3279 §2.2.3), each in 32 bytes. @returns undefined for what is none */
export function signatureOfDer(der: Uint8Array): Uint8Array | undefined {
  const words: Uint8Array[] = [];
  for (let at = 2; at < der.length; at += 2 + (der[at + 1] ?? 0)) {
    const bytes = der.subarray(at + 2, at + 2 + (der[at + 1] ?? 0));
    const number = bytes[0] === 0 ? bytes.subarray(1) : bytes;
    if (der[at] !== 0x02 || number.length > 32) return undefined;
    words.push(concatBytes([new Uint8Array(32 - number.length), number]));
  }
  return der[0] === 0x30 && der[1] === der.length - 2 && words.length === 2 ? concatBytes(words) : undefined;
}

/** The 65 bytes that WebCrypto of every platform reads. @returns undefined for what is no point of the curve */
function uncompressed(publicKey: string): Uint8Array<ArrayBuffer> | undefined {
  const [sign, x] = [publicKey.slice(0, 2), BigInt(`0x${publicKey.slice(2)}`)];
  if ((sign !== "02" && sign !== "03") || x >= P) return undefined;
  const square = (x ** 3n - 3n * x + B) % P;
  const root = power(square < 0n ? square + P : square, (P + 1n) / 4n);
  if ((root * root - (x ** 3n - 3n * x + B)) % P !== 0n) return undefined;
  const y = root % 2n === BigInt(sign) % 2n ? root : P - root;
  return hexToBytes(`04${word(x)}${word(y)}`);
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (const bit of exponent.toString(2)) result = (result * result * (bit === "1" ? base : 1n)) % P;
  return result;
}

function word(value: bigint): string {
  return value.toString(16).padStart(64, "0");
}

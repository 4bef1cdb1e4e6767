/** Bytes as text. One import for every encoding that the protocol uses. */

import { base58, base64, base64nopad, base64url, base64urlnopad } from "@scure/base";
import * as z from "zod/mini";

export { bytesToHex, hexToBytes, randomBytes } from "@noble/hashes/utils.js";
export { base58 } from "@scure/base";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Joins the chunks of a body. */
export function concatBytes(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(chunks.reduce((size, chunk) => size + chunk.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}

/** Compares in a time that depends on the lengths alone. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
}

/** The text of well-formed UTF-8, else undefined. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Standard padded base64, the only form this system emits. */
export function toBase64(bytes: Uint8Array): string {
  return base64.encode(bytes);
}

/**
 * Reads base64 as clients send it: standard or URL-safe alphabet, padded or not.
 * Anything else (mixed alphabets, wrong padding, stray bits) is undefined.
 */
export function fromBase64(text: string): Uint8Array | undefined {
  const urlSafe = /[-_]/.test(text);
  const padded = text.endsWith("=");
  const coder = urlSafe ? (padded ? base64url : base64urlnopad) : padded || text.length % 4 === 0 ? base64 : base64nopad;
  try {
    return coder.decode(text);
  } catch {
    return undefined;
  }
}

/** The 32 bytes of an account in base58. @returns undefined for every text that is not their one spelling */
export function fromBase58Account(text: string): Uint8Array | undefined {
  // 32 bytes are 32 to 44 digits; the check comes first because base58 decoding is quadratic.
  if (text.length < 32 || text.length > 44) return undefined;
  try {
    const bytes = base58.decode(text);
    return bytes.length === 32 ? bytes : undefined;
  } catch {
    return undefined;
  }
}

/** base64url without padding, as WebAuthn and JOSE write bytes. */
export function toBase64url(bytes: Uint8Array): string {
  return base64urlnopad.encode(bytes);
}

/** @returns undefined for every other spelling: padding, the standard alphabet, stray bits */
export function fromBase64url(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return base64urlnopad.decode(text) as Uint8Array<ArrayBuffer>;
  } catch {
    return undefined;
  }
}

/** Exactly `bytes` bytes in lowercase hex, the form of every digest, key, nonce and signature. */
export function hexSchema<Type extends string = string>(bytes: number) {
  const pattern = new RegExp(`^[0-9a-f]{${bytes * 2}}$`);
  return z.custom<Type>((value) => typeof value === "string" && pattern.test(value), `must be ${bytes * 2} lowercase hex digits`);
}

export const publicKeySchema = hexSchema(32);
export const signatureSchema = hexSchema(64);

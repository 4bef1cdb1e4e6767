/** The one canonical form and the one digest of every protocol object. spec/protocol.md §1. */

import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, randomBytes } from "@noble/hashes/utils.js";
import canonicalize from "canonicalize";
import type { Digest } from "../brand.ts";
import { hexSchema, utf8 } from "./bytes.ts";

export type { Digest } from "../brand.ts";

/** Values that can be signed or hashed: strings in objects and arrays. Numbers, booleans and nulls have more than one spelling. */
export type Signable = string | readonly Signable[] | { readonly [key: string]: Signable | undefined };

export type DigestType =
  | "PaymentRequest"
  | "Decision"
  | "Authorization"
  | "Mandate"
  | "Revocation"
  | "Refund"
  | "TransferTerms"
  | "Session"
  | "Voucher"
  | "Claim"
  | "Withdrawal"
  | "Binding"
  | "Nonce"
  | "Transaction"
  | "JournalEntry"
  | "AuditEntry"
  | "AuditAnchor"
  | "Batch"
  | "Stream"
  | "Checkpoint"
  | "Funding"
  | "BooksAccess"
  | "BooksRevocation"
  | "BooksRead"
  | "Login"
  | "Pairing"
  | "DeskSetting"
  | "DeskCall"
  | "SaleDelivery"
  | "NativeStatement"
  | "NativeRevocation";

const DOMAIN = "lez-x402/v1/";

/**
 * RFC 8785 text of a JSON value.
 * @throws {Error} for lone surrogates and for values that JSON does not have; parsed JSON never throws.
 */
export function canonicalJson(value: unknown): string {
  const text = canonicalize(value);
  if (text === undefined) throw new Error("not a JSON value");
  return text;
}

/** The bytes that are hashed: the type as domain separator, a zero byte, the canonical JSON. */
export function digestPreimage(type: DigestType, object: Signable): Uint8Array {
  return utf8(`${DOMAIN}${type}\0${canonicalJson(object)}`);
}

/** SHA-256 over the domain-separated canonical form. Two types never share a digest. */
export function digest(type: DigestType, object: Signable): Digest {
  return bytesToHex(sha256(digestPreimage(type, object))) as Digest;
}

/** SHA-256 of a request body, for a Binding. Not a protocol object, hence no domain. */
export function bodyDigest(body: Uint8Array): Digest {
  return bytesToHex(sha256(body)) as Digest;
}

/** 32 random bytes: a unique id. */
export function randomDigest(): Digest {
  return bytesToHex(randomBytes(32)) as Digest;
}

export const digestSchema = hexSchema<Digest>(32);

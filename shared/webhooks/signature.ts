/** Signatures of Standard Webhooks 1.0, version `v1`: HMAC-SHA256 over id, time and body. */

import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { concatBytes, fromBase64, toBase64, utf8 } from "../crypto/bytes.ts";
import { MAX_WEBHOOK_KEY_BYTES, MAX_WEBHOOK_SECRETS, MIN_WEBHOOK_KEY_BYTES } from "../limits.ts";

const PREFIX = "whsec_";

/**
 * The keys of one secret, or of two with a space between, as while one replaces the other.
 * @throws {TypeError} for any other text; the message repeats nothing of it
 */
export function webhookKeys(secrets: string): Uint8Array[] {
  const words = secrets.match(/\S+/g) ?? [];
  const form = `must be ${PREFIX} and the base64 of ${MIN_WEBHOOK_KEY_BYTES} to ${MAX_WEBHOOK_KEY_BYTES} bytes`;
  if (words.length === 0 || words.length > MAX_WEBHOOK_SECRETS) throw new TypeError(`${form}, or two such with a space between`);
  return words.map((word) => {
    const key = word.startsWith(PREFIX) ? fromBase64(word.slice(PREFIX.length)) : undefined;
    if (!key || key.length < MIN_WEBHOOK_KEY_BYTES || key.length > MAX_WEBHOOK_KEY_BYTES) throw new TypeError(form);
    return key;
  });
}

export interface SignedMessage {
  /** The same in every try. */
  id: string;
  /** Unix seconds of this try, in decimal. */
  timestamp: string;
  body: Uint8Array;
}

/** `v1,` and the base64 of the MAC. */
export function webhookSignature(key: Uint8Array, { id, timestamp, body }: SignedMessage): string {
  return `v1,${toBase64(hmac(sha256, key, concatBytes([utf8(`${id}.${timestamp}.`), body])))}`;
}

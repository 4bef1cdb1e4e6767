/**
 * Who is signed in. A nonce is a keyed hash, so that handing one out stores nothing: strangers ask for as many as they like. It counts
 * once, for the account and the minutes that it was made for.
 */

import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, concatBytes, equalBytes, hexToBytes, randomBytes, utf8 } from "../../shared/crypto/bytes.ts";
import { bodyDigest, type Digest } from "../../shared/crypto/digest.ts";
import { DESK_LOGIN_SECONDS, DESK_PROOF_SECONDS, MAX_DESK_LOGINS } from "../../shared/limits.ts";
import type { DeskStore } from "./store.ts";

const RANDOM_BYTES = 12;
const TIME_BYTES = 4;
const SEAL_BYTES = 16;

/** @param now unix seconds */
export function makeNonce(key: Uint8Array, account: string, now: number): Digest {
  const head = concatBytes([randomBytes(RANDOM_BYTES), timeBytes(now)]);
  return bytesToHex(concatBytes([head, sealOf(key, account, head)])) as Digest;
}

/** Whether `makeNonce` made it with this key, for this account, a moment ago. */
export function isOwnNonce(key: Uint8Array, account: string, nonce: Digest, now: number): boolean {
  const bytes = hexToBytes(nonce);
  const head = bytes.subarray(0, RANDOM_BYTES + TIME_BYTES);
  const madeAt = new DataView(head.buffer, head.byteOffset).getUint32(RANDOM_BYTES);
  return madeAt <= now && now <= madeAt + DESK_PROOF_SECONDS && equalBytes(sealOf(key, account, head), bytes.subarray(head.length));
}

function sealOf(key: Uint8Array, account: string, head: Uint8Array): Uint8Array {
  return hmac(sha256, key, concatBytes([utf8(`desk-login:${account}:`), head])).subarray(0, SEAL_BYTES);
}

function timeBytes(now: number): Uint8Array {
  const bytes = new Uint8Array(TIME_BYTES);
  new DataView(bytes.buffer).setUint32(0, now);
  return bytes;
}

/** Opens a login. @returns its token, which is nowhere else: 64 hex digits */
export function openLogin(store: DeskStore, now: number): { token: string; expiresAt: number } {
  const token = bytesToHex(randomBytes(32));
  const expiresAt = now + DESK_LOGIN_SECONDS;
  store.sql("INSERT INTO login (token_sha256, expires_at) VALUES (?, ?)", hashOf(token), expiresAt);
  store.sql(
    "DELETE FROM login WHERE token_sha256 NOT IN (SELECT token_sha256 FROM login ORDER BY expires_at DESC, rowid DESC LIMIT ?)",
    MAX_DESK_LOGINS,
  );
  return { token, expiresAt };
}

export function isSignedIn(store: DeskStore, token: string, now: number): boolean {
  return store.sql("SELECT 1 FROM login WHERE token_sha256 = ? AND expires_at >= ?", hashOf(token), now).length > 0;
}

export function closeLogin(store: DeskStore, token: string): void {
  store.sql("DELETE FROM login WHERE token_sha256 = ?", hashOf(token));
}

function hashOf(token: string): Digest {
  return bodyDigest(utf8(token));
}

/** Uses a nonce up. @returns false if it was used before. @param until unix seconds after which nothing with it counts anyway */
export function useOnce(store: DeskStore, kind: "call" | "login" | "setting", nonce: Digest, until: number): boolean {
  if (store.sql("SELECT 1 FROM used WHERE nonce = ?", `${kind}:${nonce}`).length > 0) return false;
  store.sql("INSERT INTO used (nonce, until) VALUES (?, ?)", `${kind}:${nonce}`, until);
  return true;
}

/**
 * Accounts of the mock ledger: 32 bytes in base58, derived from what controls them. spec/protocol.md §2.
 *
 * The form is LEZ's; the prefixes and the keys are ours. No key of LEZ owns such an account, and nothing in one says so: money sent on the
 * real chain to one of these is lost. shared/zone/account.ts has the accounts of the chain itself.
 */

import { sha256 } from "@noble/hashes/sha2.js";
import * as z from "zod/mini";
import type { Brand } from "../brand.ts";
import { base58, concatBytes, fromBase58Account, utf8 } from "../crypto/bytes.ts";

export type AccountId = Brand<"AccountId">;

/** 32 bytes each, their final zero included. LEZ's own prefixes have that size and other words. */
const ED25519_PREFIX = utf8("/LEZ-x402/v1/AccountId/Ed25519/\0");
const PASSKEY_PREFIX = utf8("/LEZ-x402/v1/AccountId/Passkey/\0");

/** The account of an Ed25519 public key. The holder of the key owns the account; nothing is registered. */
export function accountOfKey(publicKey: Uint8Array): AccountId {
  return accountOfBytes(sha256(concatBytes([ED25519_PREFIX, publicKey])));
}

/**
 * The account of a passkey, which ends with the domain of its page.
 * @param rpIdHash SHA-256 of the domain
 * @param point the P-256 public key, compressed: 33 bytes
 */
export function accountOfPasskey(rpIdHash: Uint8Array, point: Uint8Array): AccountId {
  return accountOfBytes(sha256(concatBytes([PASSKEY_PREFIX, rpIdHash, point])));
}

export function accountOfBytes(bytes: Uint8Array): AccountId {
  return base58.encode(bytes) as AccountId;
}

/** True for the one canonical spelling: base58 of exactly 32 bytes. */
export function isAccountId(value: unknown): value is AccountId {
  return typeof value === "string" && fromBase58Account(value) !== undefined;
}

export const accountIdSchema = z.custom<AccountId>(isAccountId, "must be a LEZ account: base58 of 32 bytes");

export type AccountInput = { ok: true; account: AccountId } | { ok: false; problem: string };

/** An account as people write it: LEZ's `Public/<base58>` is accepted, `Private/…` is refused. */
export function parseAccountId(input: string): AccountInput {
  const text = input.trim();
  if (text.startsWith("Private/")) return { ok: false, problem: "private LEZ accounts cannot pay or be paid here" };
  const bare = text.startsWith("Public/") ? text.slice("Public/".length) : text;
  if (!isAccountId(bare)) return { ok: false, problem: "not a LEZ account: expected base58 of 32 bytes" };
  return { ok: true, account: bare };
}

/** Decides on which shard an account lives. Frozen: another answer for any account would make another ledger. */

import { hexToBytes } from "../crypto/bytes.ts";
import { type Digest, randomDigest } from "../crypto/digest.ts";
import { MAX_SHARDS } from "../limits.ts";
import { type AccountId, accountOfBytes } from "../protocol/account.ts";

/** Which shard a database holds, and how many shards there are. The genesis stores both. */
export interface Place {
  shard: number;
  shards: number;
}

/** A ledger of one shard: every transfer is one transaction. */
export const WHOLE: Place = { shard: 0, shards: 1 };

/** FNV-1a (32 bits) of the account's text, modulo the number of shards. */
export function shardOf(account: AccountId, shards: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < account.length; i++) hash = Math.imul(hash ^ account.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % shards;
}

/** The account whose bytes are the ledger's id. No known key hashes to it, so only the rules can spend from it. */
export function treasuryOf(ledger: Digest): AccountId {
  return accountOfBytes(hexToBytes(ledger));
}

/** A random id whose treasury lives on shard 0, where callers look for it. */
export function newLedgerId(shards: number): Digest {
  for (;;) {
    const ledger = randomDigest();
    if (shardOf(treasuryOf(ledger), shards) === 0) return ledger;
  }
}

/**
 * The number of shards that the operator configured; 1 by default.
 * @throws {Error} for anything but 1 to MAX_SHARDS: a typing mistake must not create a ledger
 */
export function parseShards(setting: string | undefined): number {
  if (setting === undefined || setting === "") return 1;
  const shards = /^[1-9][0-9]{0,3}$/.test(setting) ? Number(setting) : Number.NaN;
  if (!(shards <= MAX_SHARDS)) throw new Error(`SHARDS is ${setting}: it must be a number from 1 to ${MAX_SHARDS}`);
  return shards;
}

/** The name of a shard's object. Shard 0 has the ledger's own name. */
export function shardName(ledgerName: string, shard: number): string {
  return shard === 0 ? ledgerName : `${ledgerName}/${shard}`;
}

/** The inverse of `shardName`. */
export function parseShardName(name: string): { ledgerName: string; shard: number } {
  const [, ledgerName = name, shard = "0"] = /^(.*)\/([1-9][0-9]*)$/.exec(name) ?? [];
  return { ledgerName, shard: Number(shard) };
}

/** Which of a ledger's shards an account lives on. Frozen: another answer for one account would be another ledger. */
import { type AccountId, accountOfBytes } from "../protocol/account.ts";
import { hexToBytes } from "../crypto/bytes.ts";
import { type Digest, randomDigest } from "../crypto/digest.ts";
import { MAX_SHARDS } from "../limits.ts";

/** Which shard a database holds, and how many there are. Both are written into its genesis. */
export interface Place {
  shard: number;
  shards: number;
}

/** The ledger that is one shard: every transfer is one transaction. */
export const WHOLE: Place = { shard: 0, shards: 1 };

/** FNV-1a (32 bits) of the account's text, modulo the number of shards. */
export function shardOf(account: AccountId, shards: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < account.length; i++) hash = Math.imul(hash ^ account.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % shards;
}

/** The account whose bytes are the ledger's id. Nobody has a key that hashes to it, so only the rules can spend it. */
export function treasuryOf(ledger: Digest): AccountId {
  return accountOfBytes(hexToBytes(ledger));
}

/** A random id whose treasury lives on shard 0, so that nothing has to know another place to look for it. */
export function newLedgerId(shards: number): Digest {
  for (;;) {
    const ledger = randomDigest();
    if (shardOf(treasuryOf(ledger), shards) === 0) return ledger;
  }
}

/**
 * The number of shards as an operator configures it; 1 when nothing is said.
 * @throws {Error} for anything else than 1 to MAX_SHARDS: a typing mistake must not found a ledger
 */
export function parseShards(setting: string | undefined): number {
  if (setting === undefined || setting === "") return 1;
  const shards = /^[1-9][0-9]{0,3}$/.test(setting) ? Number(setting) : Number.NaN;
  if (!(shards <= MAX_SHARDS)) throw new Error(`SHARDS is ${setting}: it must be a number from 1 to ${MAX_SHARDS}`);
  return shards;
}

/** What a shard's object is called. Shard 0 bears the ledger's own name: a ledger of one shard knows no others. */
export function shardName(ledgerName: string, shard: number): string {
  return shard === 0 ? ledgerName : `${ledgerName}/${shard}`;
}

/** The inverse of `shardName`. */
export function parseShardName(name: string): { ledgerName: string; shard: number } {
  const [, ledgerName = name, shard = "0"] = /^(.*)\/([1-9][0-9]*)$/.exec(name) ?? [];
  return { ledgerName, shard: Number(shard) };
}

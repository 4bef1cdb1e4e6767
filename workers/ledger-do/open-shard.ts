/** Opens a shard; shard 0 creates the ledger. */

import { type Genesis, readIdentity } from "../../shared/ledger/genesis.ts";
import { LedgerRules } from "../../shared/ledger/rules.ts";
import { LEDGER_SCHEMA } from "../../shared/ledger/schema.ts";
import { newLedgerId, parseShardName, parseShards, shardName } from "../../shared/ledger/shards.ts";
import type { LedgerStore } from "../../shared/ledger/store.ts";
import { GENESIS_SUPPLY } from "../../shared/limits.ts";
import { migrate } from "../../shared/migrations.ts";
import type { Remote } from "../../shared/rpc.ts";
import { unixNow } from "../../shared/time.ts";
import type { LedgerEnv, PeerShard } from "./env.ts";

/**
 * Opens the shard of the object with this name. A crash leaves empty tables at most, and asking shard 0 again gives the same
 * answer: its genesis never changes.
 * @throws {UnsupportedSchema} when newer code has written the store
 * @throws {Error} when the ledger was created with another number of shards than SHARDS
 */
export async function openShard(store: LedgerStore, env: LedgerEnv, name: string): Promise<LedgerRules> {
  const { shard } = parseShardName(name);
  const place = { shard, shards: parseShards(env.SHARDS) };
  migrate(store, LEDGER_SCHEMA);
  const identity = readIdentity(store);
  if (identity) return new LedgerRules(store, { ...identity, supply: BigInt(identity.supply), at: unixNow(), place });
  if (shard === 0) return new LedgerRules(store, { ledger: newLedgerId(place.shards), supply: GENESIS_SUPPLY, at: unixNow(), place });
  return new LedgerRules(store, { ...(await askShardZero(env, name, place.shards)), at: unixNow(), place });
}

async function askShardZero(env: LedgerEnv, name: string, shards: number): Promise<Pick<Genesis, "ledger" | "supply">> {
  const info = await shardOfLedger(env, name, 0).info();
  if (info.shards !== shards) throw new Error(`this ledger has ${info.shards} shards, not ${shards}: SHARDS never changes`);
  return { ledger: info.ledger, supply: BigInt(info.supply) };
}

/** Another shard of the same ledger. */
export function shardOfLedger(env: LedgerEnv, ownName: string, shard: number): Remote<PeerShard> {
  if (!env.LEDGER) throw new Error("a ledger of several shards needs the binding LEDGER to itself");
  return env.LEDGER.getByName(shardName(parseShardName(ownName).ledgerName, shard)) as unknown as Remote<PeerShard>;
}

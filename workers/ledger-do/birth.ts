/** How a shard comes into the world: shard 0 makes the ledger, every other one asks shard 0 whose shard it is. */
import { type Genesis, readGenesis } from "../../shared/ledger/genesis.ts";
import { LedgerRules } from "../../shared/ledger/rules.ts";
import { newLedgerId, parseShardName, parseShards, shardName } from "../../shared/ledger/shards.ts";
import type { LedgerStore } from "../../shared/ledger/store.ts";
import { GENESIS_SUPPLY } from "../../shared/limits.ts";
import type { Remote } from "../../shared/rpc.ts";
import { unixNow } from "../../shared/time.ts";
import type { Ledger, LedgerEnv } from "./ledger.ts";

/**
 * Opens the shard whose object has this name. A crash before the last line leaves nothing behind; asking shard 0 again
 * gives the same answer, because its genesis never changes.
 * @throws {Error} when the ledger was founded with another number of shards than SHARDS says
 */
export async function openShard(store: LedgerStore, env: LedgerEnv, name: string): Promise<LedgerRules> {
  const { shard } = parseShardName(name);
  const place = { shard, shards: parseShards(env.SHARDS) };
  const born = readGenesis(store);
  if (born) return new LedgerRules(store, { ...born, supply: BigInt(born.supply), at: unixNow(), place });
  if (shard === 0) return new LedgerRules(store, { ledger: newLedgerId(place.shards), supply: GENESIS_SUPPLY, at: unixNow(), place });
  return new LedgerRules(store, { ...(await askShardZero(env, name, place.shards)), at: unixNow(), place });
}

async function askShardZero(env: LedgerEnv, name: string, shards: number): Promise<Pick<Genesis, "ledger" | "supply">> {
  const info = await shardOfLedger(env, name, 0).info();
  if (info.shards !== shards) throw new Error(`this ledger has ${info.shards} shards, not ${shards}: SHARDS never changes`);
  return { ledger: info.ledger, supply: BigInt(info.supply) };
}

/** Another shard of the same ledger. */
export function shardOfLedger(env: LedgerEnv, ownName: string, shard: number): Remote<Ledger> {
  if (!env.LEDGER) throw new Error("a ledger of several shards needs the binding LEDGER to itself");
  return env.LEDGER.getByName(shardName(parseShardName(ownName).ledgerName, shard)) as unknown as Remote<Ledger>;
}

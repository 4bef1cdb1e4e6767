/** The first moment of a ledger: its id, its treasury, its supply, and how many shards it will always have. */
import type { AccountId } from "../protocol/account.ts";
import { transactionOf } from "../protocol/authorization.ts";
import type { LedgerInfo } from "../settlement/backend.ts";
import type { Digest } from "../crypto/digest.ts";
import { NETWORK } from "../lez.ts";
import { Accounts } from "./accounts.ts";
import { createSchema } from "./schema.ts";
import { type Place, shardOf, treasuryOf, WHOLE } from "./shards.ts";
import type { LedgerStore } from "./store.ts";

export interface Genesis {
  /** 32 random bytes in hex: tells this ledger from every other one of its network. */
  ledger: Digest;
  /** Atomic units, all of them in the treasury. */
  supply: bigint;
  /** Unix seconds. */
  at: number;
  /** Which shard this is, of how many; without it, the one that is all. */
  place?: Place;
}

/** What a database has in it: a ledger's facts, and which of its shards. */
export type Born = LedgerInfo & Place;

/** Opens the ledger in `store`, and makes it the first time. @throws {Error} when the store holds another place than asked for */
export function openGenesis(store: LedgerStore, genesis: Genesis): Born {
  return store.transact(() => {
    createSchema(store);
    const born = readGenesis(store) ?? create(store, genesis);
    const { shard, shards } = genesis.place ?? WHOLE;
    // Accounts are where they were hashed to. With another number they would all be somewhere else, and empty.
    if (born.shards !== shards) throw new Error(`this ledger has ${born.shards} shards, not ${shards}: SHARDS never changes`);
    if (born.shard !== shard) throw new Error(`this is shard ${born.shard}, not ${shard}`);
    return born;
  });
}

/** The facts of the ledger in `store`; undefined when there is none yet. */
export function readGenesis(store: LedgerStore): Born | undefined {
  const tables = store.sql("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'genesis'");
  const [row] = tables.length === 0 ? [] : store.sql("SELECT ledger, treasury, supply, shard, shards FROM genesis");
  if (!row) return undefined;
  return {
    ledger: row["ledger"] as Digest,
    treasury: row["treasury"] as AccountId,
    supply: String(row["supply"]),
    shard: Number(row["shard"]),
    shards: Number(row["shards"]),
  };
}

function create(store: LedgerStore, { ledger, supply, at, place = WHOLE }: Genesis): Born {
  const treasury = treasuryOf(ledger);
  const { shard, shards } = place;
  if (!(shard < shards)) throw new Error(`there is no shard ${shard} of ${shards}`);
  if (shardOf(treasury, shards) !== 0) throw new Error("the treasury of this id would not live on shard 0");
  store.sql(
    "INSERT INTO genesis (ledger, treasury, supply, shard, shards) VALUES (?, ?, ?, ?, ?)",
    ledger,
    treasury,
    supply.toString(),
    shard,
    shards,
  );
  store.sql("INSERT INTO clock (last) VALUES (?)", at);
  if (shard === 0) new Accounts(store, ledger).mint(treasury, supply, { transaction: transactionOf(NETWORK, ledger), at });
  return { ledger, treasury, supply: supply.toString(), shard, shards };
}

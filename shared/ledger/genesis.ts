/** Creates a ledger: its id, its treasury, its supply and its number of shards, none of which ever changes. */

import type { Digest } from "../crypto/digest.ts";
import { NETWORK } from "../lez.ts";
import { migrate } from "../migrations.ts";
import type { AccountId } from "../protocol/account.ts";
import { transactionOf } from "../protocol/authorization.ts";
import { integer, row, text } from "../row.ts";
import type { LedgerInfo } from "../settlement/backend.ts";
import { Accounts } from "./accounts.ts";
import { LEDGER_SCHEMA } from "./schema.ts";
import { type Place, shardOf, treasuryOf, WHOLE } from "./shards.ts";
import type { LedgerStore } from "./store.ts";

export interface Genesis {
  /** 32 random bytes in hex: no other ledger of the network has this id. */
  ledger: Digest;
  /** Atomic units. The treasury receives all of them. */
  supply: bigint;
  /** Unix seconds. */
  at: number;
  /** Which shard this is, and of how many; a ledger of one shard by default. */
  place?: Place;
}

/** Which shard of which ledger a database holds. */
export type ShardIdentity = LedgerInfo & Place;

const identityRow = row({
  ledger: text<Digest>(),
  treasury: text<AccountId>(),
  supply: text(),
  shard: integer(),
  shards: integer(),
});

/**
 * Opens the shard in `store`: migrates its schema, and creates the ledger if there is none. One transaction.
 * @throws {Error} when the store holds another shard than `genesis.place`, or a shard of another number of shards
 * @throws {UnsupportedSchema} when the store was written by newer code
 */
export function openGenesis(store: LedgerStore, genesis: Genesis): ShardIdentity {
  return store.transact(() => {
    migrate(store, LEDGER_SCHEMA);
    const identity = readIdentity(store) ?? create(store, genesis);
    const { shard, shards } = genesis.place ?? WHOLE;
    // The number of shards decides where an account lives: with another number, every account would be looked for elsewhere.
    if (identity.shards !== shards) throw new Error(`this ledger has ${identity.shards} shards, not ${shards}: SHARDS never changes`);
    if (identity.shard !== shard) throw new Error(`this is shard ${identity.shard}, not ${shard}`);
    return identity;
  });
}

/** Requires a migrated store. @returns undefined when the store holds no ledger yet */
export function readIdentity(store: LedgerStore): ShardIdentity | undefined {
  return store.sql("SELECT ledger, treasury, supply, shard, shards FROM genesis").map(identityRow)[0];
}

function create(store: LedgerStore, { ledger, supply, at, place = WHOLE }: Genesis): ShardIdentity {
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
  store.sql("INSERT INTO clock (last, final) VALUES (?, ?)", at, at);
  if (shard === 0) new Accounts(store, ledger).mint(treasury, supply, { transaction: transactionOf(NETWORK, ledger), at });
  return { ledger, treasury, supply: supply.toString(), shard, shards };
}

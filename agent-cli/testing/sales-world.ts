/** A ledger of several shards in this process, a seller on one of them, and buyers on all: what a seller's books are read from. */

import type { Digest } from "../../shared/crypto/digest.ts";
import { deliver } from "../../shared/ledger/delivery.ts";
import { LedgerRules } from "../../shared/ledger/rules.ts";
import { shardOf, treasuryOf } from "../../shared/ledger/shards.ts";
import { FIRST, idOf, LEDGER_OF_FOUR, paymentOf, personOf, settleOf, txOf } from "../../shared/ledger/testing/ledger.ts";
import { JOURNAL_PAGE } from "../../shared/limits.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import type { Amount } from "../../shared/protocol/amount.ts";
import { memoryStore } from "../demo/memory-store.ts";
import type { ChainSource } from "../facilitator/account-chain.ts";
import { succeed } from "../runtime/outcome.ts";

const SHARDS = 4;
/** 2026-03-01T00:00:00Z */
export const MARCH = 1_772_323_200;

export interface SalesWorld {
  seller: AccountId;
  ledger: Digest;
  shards: LedgerRules[];
  /** One buyer on each shard, with money. */
  buyers: AccountId[];
  /** @returns the transaction */
  pay(payer: AccountId, payee: AccountId, value: bigint, at: number): Digest;
  /** Delivers what is on its way between shards. */
  bring(at: number): Promise<void>;
  shardFor(account: AccountId): LedgerRules;
  source(account: AccountId): ChainSource;
}

export async function salesWorld(supply = 10_000_000n): Promise<SalesWorld> {
  const ledger = LEDGER_OF_FOUR;
  const shards = Array.from(
    { length: SHARDS },
    (_, shard) => new LedgerRules(memoryStore(), { ledger, supply, at: MARCH, place: { shard, shards: SHARDS } }),
  );
  const at = (shard: number): LedgerRules => {
    const rules = shards[shard];
    if (!rules) throw new Error("no such shard");
    return rules;
  };
  const home = (account: AccountId) => at(shardOf(account, SHARDS));
  const treasury = treasuryOf(ledger);
  const people = Array.from({ length: 60 }, (_, i) => personOf(i + 1)).filter((account) => account !== treasury);
  const on = (shard: number) => people.filter((account) => shardOf(account, SHARDS) === shard);
  const [seller, neighbour] = on(1);
  const buyers = [on(0)[0], neighbour, on(2)[0], on(3)[0]].flatMap((account) => account ?? []);
  if (!seller || buyers.length !== SHARDS) throw new Error("too few people");
  let payments = 0;
  const world: SalesWorld = {
    seller,
    ledger,
    shards,
    buyers,
    pay(payer, payee, value, time) {
      const nonce = idOf(++payments);
      const payment = paymentOf({ payer, payee, value: value.toString() as Amount, nonce, validAfter: time, validBefore: time + 60 });
      const settled = home(payer).settle(settleOf(payment, FIRST), time);
      if (!settled.ok) throw new Error(settled.code);
      return txOf(payment);
    },
    async bring(time) {
      for (const from of shards.keys())
        for (const to of shards.keys()) if (from !== to) await deliver(at(from), to, async (batch) => at(batch.to).receive(batch, time));
    },
    shardFor: home,
    source(account) {
      const rules = home(account);
      const { journalSeq: seq, journalHead: hash, balance } = rules.account(account);
      return {
        account,
        ledger,
        head: { seq, hash, balance },
        page: async (after) => succeed(rules.journalPage(account, after, JOURNAL_PAGE, true)),
      };
    },
  };
  for (const buyer of buyers) world.pay(treasury, buyer, supply / 8n, MARCH);
  await world.bring(MARCH);
  return world;
}

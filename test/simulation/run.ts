/** One simulated run: a storm of payments, then calm, then judgement. */

import { hexToBytes } from "../../shared/crypto/bytes.ts";
import { digest } from "../../shared/crypto/digest.ts";
import { deliver } from "../../shared/ledger/delivery.ts";
import { LedgerRules } from "../../shared/ledger/rules.ts";
import { shardOf, treasuryOf } from "../../shared/ledger/shards.ts";
import { START } from "../../shared/ledger/testing/ledger.ts";
import { accountOfBytes } from "../../shared/protocol/account.ts";
import type { Amount } from "../../shared/protocol/amount.ts";
import type { LedgerCode } from "../ledger-code.ts";
import { CALM, Network, STORM } from "./network.ts";
import { Oracle } from "./oracle.ts";
import { Client, Merchant } from "./people.ts";
import { Shard } from "./shard.ts";

export interface Run {
  seed: number;
  shards: number;
  events: number;
  crashes: number;
  acknowledged: number;
  refunded: number;
  claimed: number;
  calledOff: number;
  /** Groups of calls that were written together. */
  groups: number;
  /** Empty when all is well. */
  violations: string[];
}

export const GENUINE: LedgerCode = { LedgerRules, deliver };

const CLIENTS = 4;
const MERCHANTS = 2;
const PURCHASES = 5;
const SESSIONS = 2;
const SUPPLY = 1_000_000n;
const STORM_MILLIS = 120_000;
const CALM_MILLIS = 60_000;

export async function simulate(seed: number, shardCount: number, code: LedgerCode = GENUINE): Promise<Run> {
  const network = new Network(seed);
  const oracle = new Oracle();
  const ledger = ledgerId(shardCount);
  const shards: Shard[] = [];
  for (let shard = 0; shard < shardCount; shard++) {
    shards.push(new Shard(network, code, { ledger, supply: SUPPLY, at: START, place: { shard, shards: shardCount } }, shards));
  }
  network.machines.push(...shards);
  const world = { network, shards, oracle };
  const merchants = Array.from({ length: MERCHANTS }, (_, i) => new Merchant(`merchant ${i}`, world));
  const clients = Array.from({ length: CLIENTS }, (_, i) => new Client(person(i), world));
  const payees = [...clients.map(({ account }) => account), person(100), person(101), person(102)];

  network.weather = CALM;
  for (const { account } of clients)
    shards[0]?.handle((rules, clock) => rules.fund(account, "200" as Amount, digest("Nonce", { account }), clock));
  await network.run(1000);
  network.weather = STORM;
  const violations: string[] = [];
  for (const client of clients) {
    for (let i = 0; i < PURCHASES; i++) {
      const payee = network.random.pick(payees.filter((payee) => payee !== client.account));
      network.after(
        network.random.between(0, 60_000),
        () => void client.buy(payee, merchants).catch((error: unknown) => violations.push(String(error))),
      );
    }
  }
  for (const client of clients) {
    for (let i = 0; i < SESSIONS; i++) {
      const payee = network.random.pick(payees.filter((payee) => payee !== client.account));
      network.after(
        network.random.between(0, 60_000),
        () => void client.rent(payee, merchants).catch((error: unknown) => violations.push(String(error))),
      );
    }
  }
  try {
    await network.run(STORM_MILLIS);
    network.weather = CALM;
    await network.run(STORM_MILLIS + CALM_MILLIS);
    violations.push(...oracle.judge(shards, [treasuryOf(ledger), ...payees]));
  } catch (error) {
    violations.push(String(error)); // a book that contradicts itself says so
  }
  const { events, crashes } = network;
  const said = {
    acknowledged: oracle.paid.size,
    refunded: oracle.refunded.size,
    claimed: oracle.claimed.size,
    calledOff: oracle.never.size,
    groups: shards.reduce((sum, { groups }) => sum + groups, 0),
  };
  return { seed, shards: shardCount, events, crashes, ...said, violations };
}

function person(number: number) {
  return accountOfBytes(hexToBytes(digest("Nonce", { person: String(number) })));
}

/** The first of some fixed ids whose treasury lives on shard 0. */
function ledgerId(shards: number) {
  for (let i = 0; ; i++) {
    const ledger = digest("Nonce", { ledger: String(i) });
    if (shardOf(treasuryOf(ledger), shards) === 0) return ledger;
  }
}

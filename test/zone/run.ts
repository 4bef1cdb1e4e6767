/** One simulated run: native payments in a storm, then calm, then judgement by the sequencer's own books. */

import { sha256 } from "@noble/hashes/sha2.js";
import { utf8 } from "../../shared/crypto/bytes.ts";
import { BadBlock, readAccount } from "../../shared/zone/account-read.ts";
import { lezAccountOfBytes } from "../../shared/zone/account.ts";
import { ChainFollower } from "../../shared/zone/chain-follower.ts";
import { HeadChain } from "../../shared/zone/head-chain.ts";
import { viewOf } from "../../shared/zone/lane-view.ts";
import { Lane } from "../../shared/zone/lane.ts";
import { Network, type Weather } from "../simulation/network.ts";
import type { ZoneCode } from "./code.ts";
import { Oracle, type Told } from "./oracle.ts";
import { Buyer, Facilitator } from "./people.ts";
import { BLOCK_MILLIS, LIES, SimulatedSequencer, TRANSFER_BYTES } from "./sequencer.ts";

export interface ZoneRun extends Told {
  seed: number;
  events: number;
  crashes: number;
  /** Empty when all is well. */
  violations: string[];
}

export const GENUINE: ZoneCode = { Lane, ChainFollower, readAccount, BadBlock, HeadChain, viewOf };

// HTTP does not double a request; whoever has the bytes can send them again, and some do.
const STORM: Weather = { lost: 0.06, duplicated: 0, delay: [1, 900], crash: 0.0006, clockJump: 0.0006 };
const CALM: Weather = { lost: 0, duplicated: 0, delay: [1, 20], crash: 0, clockJump: 0 };
const BUYERS = 3;
const PURCHASES = 3;
const STORM_MILLIS = 150_000;
const CALM_MILLIS = 150_000;
const RESETS = 0.06;

export async function simulateZone(seed: number, code: ZoneCode = GENUINE): Promise<ZoneRun> {
  const network = new Network(seed);
  const { random } = network;
  const shop = accountOf("shop");
  const bank = accountOf("bank");
  const accounts = Array.from({ length: BUYERS }, (_, i) => accountOf(`buyer ${i}`));
  const funds = new Map([[bank, 10n ** 12n], ...accounts.map((account) => [account, BigInt(random.between(0, 40_000))] as const)]);
  const sequencer = new SimulatedSequencer(network, funds);
  const oracle = new Oracle(sequencer);
  const world = { network, sequencer, oracle, code };
  network.weather = CALM;
  const facilitators = ["first facilitator", "second facilitator"].map((name) => new Facilitator(name, world));
  network.machines.push(sequencer, ...facilitators);
  const buyers = accounts.map((account, i) => new Buyer(`buyer ${i}`, account, shop, world, facilitators));

  mineForever(network, sequencer);
  await network.run(12_000);
  network.weather = STORM;
  let credits = 0;
  const later = (millis: [min: number, max: number], work: () => Promise<void>) => {
    network.after(random.between(...millis), () => void work().catch((error: unknown) => oracle.violations.push(String(error))));
  };
  const credit = () => {
    const { nonce } = sequencer.account(bank);
    const value = BigInt(random.between(1000, 30_000));
    const buyer = random.pick(buyers);
    const terms = { from: bank, to: buyer.account, value, nonce, maxFee: TRANSFER_BYTES * 1000n };
    sequencer.send(sequencer.sign(terms, `credit ${credits++}`).wire, "the bank");
    if (random.chance(0.3)) {
      // The buyer pays with the credit, and the credit is undone.
      later([BLOCK_MILLIS, 2 * BLOCK_MILLIS], () => buyer.buy(true));
      if (random.chance(0.6)) network.after(random.between(2 * BLOCK_MILLIS, 5 * BLOCK_MILLIS), () => sequencer.orphan(5));
    }
  };
  repeat(network, [3000, 15_000], credit);
  repeat(network, [5000, 40_000], () => sequencer.orphan(random.between(1, 5)));
  repeat(network, [10_000, 60_000], () => {
    sequencer.full = true;
    network.after(random.between(1000, 20_000), () => void (sequencer.full = false));
  });
  repeat(network, [5000, 30_000], () => sequencer.dropNext());
  repeat(network, [5000, 30_000], () => void (sequencer.baseFee = BigInt(random.between(8, 30))));
  repeat(network, [20_000, 90_000], () => {
    sequencer.lie = random.pick(LIES);
    network.after(random.between(1000, 15_000), () => void (sequencer.lie = undefined));
  });
  if (random.chance(RESETS)) {
    network.after(random.between(20_000, STORM_MILLIS), () => {
      oracle.reset();
      sequencer.reset(funds);
    });
  }
  for (const buyer of buyers) {
    for (let i = 0; i < PURCHASES; i++) later([0, STORM_MILLIS - 20_000], () => buyer.buy());
  }
  try {
    await network.run(12_000 + STORM_MILLIS);
    network.weather = CALM;
    sequencer.full = false;
    sequencer.lie = undefined;
    await network.run(12_000 + STORM_MILLIS + CALM_MILLIS);
    for (const facilitator of facilitators) facilitator.judge();
  } catch (error) {
    oracle.violations.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  return { seed, events: network.events, crashes: network.crashes, ...oracle.told, violations: oracle.violations };
}

function accountOf(name: string) {
  return lezAccountOfBytes(sha256(utf8(name)));
}

function mineForever(network: Network, sequencer: SimulatedSequencer): void {
  network.after(BLOCK_MILLIS + network.random.between(-500, 500), () => {
    sequencer.mine();
    mineForever(network, sequencer);
  });
}

/** While the storm lasts. */
function repeat(network: Network, pause: [min: number, max: number], work: () => void): void {
  network.after(network.random.between(...pause), () => {
    if (network.weather !== STORM) return;
    work();
    repeat(network, pause, work);
  });
}

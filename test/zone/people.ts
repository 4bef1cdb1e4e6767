/** Those who take part in the simulation: facilitators that die, and buyers who do what they like. */

import type { Digest } from "../../shared/crypto/digest.ts";
import type { ChainReader } from "../../shared/zone/account-read.ts";
import type { LezAccountId } from "../../shared/zone/account.ts";
import type { ChainFollower } from "../../shared/zone/chain-follower.ts";
import { readFollowerMemory, writeFollowerMemory } from "../../shared/zone/follower-text.ts";
import type { Finality, KnownRow, LanePayment } from "../../shared/zone/lane-row.ts";
import type { LaneAnswer } from "../../shared/zone/lane-table.ts";
import type { Lane, LanePorts, Unavailable } from "../../shared/zone/lane.ts";
import { type Machine, type Network, NoAnswer } from "../simulation/network.ts";
import type { ZoneCode } from "./code.ts";
import type { Oracle } from "./oracle.ts";
import { type SimulatedSequencer, type Transfer, TRANSFER_BYTES } from "./sequencer.ts";

export const START = 1_800_000_000;
const LOOK_MILLIS = 2000;
/** A machine dies at a write or at a send. */
const CRASH_AT_EFFECT = 0.004;

export interface World {
  network: Network;
  sequencer: SimulatedSequencer;
  oracle: Oracle;
  code: ZoneCode;
}

export class Facilitator implements Machine {
  readonly name: string;
  up = true;
  life = 0;
  skew = 0;
  /** What survives: rows by payer and message. */
  readonly #disk = new Map<LezAccountId, Map<Digest, KnownRow>>();
  readonly #world: World;
  readonly #genesis: Digest;
  readonly #lanes = new Map<LezAccountId, Lane>();
  /** What else survives: what the watch remembers, as text. */
  #memory: string | undefined;
  #follower: ChainFollower;

  constructor(name: string, world: World) {
    this.name = name;
    this.#world = world;
    this.#genesis = world.sequencer.genesis;
    this.#follower = this.#follow();
    this.start();
  }

  stop(): void {
    this.#lanes.clear();
  }

  start(): void {
    this.#follower = this.#follow();
    const { life } = this;
    void this.#loop(life, () => this.#follower.poll().catch(() => undefined));
    void this.#loop(life, async () => {
      for (const payer of this.#disk.keys()) if (this.life === life) await this.#lane(payer).look();
    });
  }

  async settle(payment: LanePayment, by: string, reserve: bigint): Promise<LaneAnswer | Unavailable> {
    const { life } = this;
    const answer = await this.#lane(payment.payer).settle(payment, by, reserve, this.#world.network.random.between(0, 1));
    this.#answered(life, payment, by, answer);
    return answer;
  }

  async cancel(payment: LanePayment): Promise<LaneAnswer | Unavailable> {
    const { life } = this;
    const answer = await this.#lane(payment.payer).cancel(payment);
    this.#answered(life, payment, "the payer", answer);
    return answer;
  }

  judge(): void {
    for (const rows of this.#disk.values()) this.#world.oracle.judge(this.name, [...rows.values()], this.#now());
  }

  /** What a machine says that has died meanwhile is not heard. */
  #answered(life: number, payment: LanePayment, by: string, answer: LaneAnswer | Unavailable): void {
    if (this.life === life && answer.answer !== "unavailable") this.#world.oracle.answered(this.name, payment, by, answer);
  }

  #now(): number {
    return START + Math.floor(this.#world.network.now / 1000) + this.skew;
  }

  async #loop(life: number, work: () => Promise<void>): Promise<void> {
    while (this.life === life) {
      await work();
      await this.#world.network.sleep(this, LOOK_MILLIS);
    }
  }

  #follow(): ChainFollower {
    const { life } = this;
    return new this.#world.code.ChainFollower(this.#reader(), this.#genesis, {
      memory: this.#memory === undefined ? undefined : readFollowerMemory(this.#memory),
      keep: (memory) => {
        if (this.life === life) this.#memory = writeFollowerMemory(memory);
      },
    });
  }

  #reader(): ChainReader {
    const { sequencer, code } = this.#world;
    return {
      lastBlockId: () => this.#ask(() => sequencer.lastBlockId()),
      block: async (id) => {
        const block = await this.#ask(() => sequencer.block(id));
        if (block === "bad") throw new code.BadBlock("its producer did not sign it");
        return block;
      },
      balanceAndNonce: (account) => this.#ask(() => sequencer.balanceAndNonce(account)),
    };
  }

  /** Rejects if no answer comes, or what comes is none. */
  async #ask<T>(call: () => T): Promise<T> {
    const { network, sequencer } = this.#world;
    const answer = await network.call(this, sequencer, call);
    if (sequencer.lie === "no_answer") throw new NoAnswer("HTML");
    return answer;
  }

  #lane(payer: LezAccountId): Lane {
    const known = this.#lanes.get(payer);
    if (known) return known;
    const lane = new this.#world.code.Lane(this.#ports(payer));
    this.#lanes.set(payer, lane);
    return lane;
  }

  /** They are those of this life: what a dead machine still runs changes nothing and sends nothing. */
  #ports(payer: LezAccountId): LanePorts {
    const { network, sequencer, oracle, code } = this.#world;
    const { life } = this;
    const disk = this.#disk.get(payer) ?? new Map<Digest, KnownRow>();
    this.#disk.set(payer, disk);
    const isAlive = () => this.life === life;
    const dies = () => network.weather.crash > 0 && network.random.chance(CRASH_AT_EFFECT);
    const write = (change: () => void) => {
      if (isAlive() && dies()) network.crash(this); // before
      if (!isAlive()) return;
      change();
      oracle.stored(this.name, [...disk.values()]);
      if (dies()) network.crash(this); // after
    };
    return {
      store: {
        rows: () => [...disk.values()],
        find: (h) => disk.get(h),
        put: (row) => write(() => disk.set(row.payment.h, row)),
        remove: (h) => write(() => disk.delete(h)),
      },
      now: () => this.#now(),
      sleep: (millis) => network.sleep(this, millis),
      view: async (query) => (this.#follower.state === "reset" ? "reset" : this.#follower.view(query)),
      read: (account) => code.readAccount(this.#reader(), account),
      send: (wire) => {
        if (isAlive() && dies()) network.crash(this);
        if (!isAlive()) return new Promise(() => undefined);
        oracle.sends(this.name, wire, [...disk.values()]);
        return this.#ask(() => sequencer.send(wire, this.name));
      },
      report: (payment, effect) => {
        if (isAlive()) oracle.reported(this.name, payment, effect);
      },
    };
  }
}

/** Codes after which a client presents the same payment again. */
const AGAIN = new Set(["payer_busy", "nonce_ahead", "insufficient_funds", "overloaded"]);
const MOST_TRIES = 40;

export class Buyer implements Machine {
  readonly name: string;
  up = true;
  life = 0;
  skew = 0;
  readonly account: LezAccountId;
  readonly #shop: LezAccountId;
  readonly #world: World;
  readonly #facilitators: readonly Facilitator[];
  #signed = 0;

  constructor(name: string, account: LezAccountId, shop: LezAccountId, world: World, facilitators: readonly Facilitator[]) {
    this.name = name;
    this.account = account;
    this.#shop = shop;
    this.#world = world;
    this.#facilitators = facilitators;
  }

  stop(): void {}
  start(): void {}

  /** @param isTight for about all that the account has */
  async buy(isTight = this.#world.network.random.chance(0.4)): Promise<void> {
    const { network, sequencer } = this.#world;
    const { random } = network;
    const { nonce, balance } = sequencer.account(this.account);
    const maxFee = TRANSFER_BYTES * BigInt(random.between(8, 40));
    const tight = balance - maxFee + BigInt(random.between(-4000, 1500));
    const value = isTight && tight > 0n ? tight : BigInt(random.between(1, 6000));
    const signedNonce = nonce + (random.chance(0.2) ? 1n : 0n);
    const name = `${this.name} ${this.#signed++}`;
    const terms = { from: this.account, to: this.#shop, value, nonce: signedNonce, maxFee };
    const copies = [sequencer.sign(terms, name), sequencer.sign(terms, name, "again")] as const;
    const [first] = copies;
    const facts = {
      fingerprint: name,
      finality: random.pick(FINALITIES),
      validBefore: START + network.now / 1000 + random.between(60, 600),
    };
    const facilitator = random.pick(this.#facilitators);
    if (random.chance(0.15)) this.#sendBySelf(random.pick(copies));
    if (random.chance(0.15)) this.#sendBySelf(this.#drain(first));
    if (random.chance(0.15)) {
      this.#cancelLater(facilitator, paymentOf(first, facts));
      if (random.chance(0.5)) this.#sendBySelf(first);
    }
    if (random.chance(0.15)) {
      const other = random.chance(0.5) ? first : this.#drain(first);
      void this.#present(random.pick(this.#facilitators), [other], { ...facts, fingerprint: other.wire });
    }
    if (random.chance(0.1)) void this.#present(facilitator, [first], { ...facts, fingerprint: "another purchase" });
    if (random.chance(0.2)) void this.#present(facilitator, copies, facts);
    await this.#present(facilitator, random.chance(0.3) ? copies : [first], facts);
  }

  /** Until it is paid or refused, or the buyer has had enough. */
  async #present(facilitator: Facilitator, copies: readonly Transfer[], facts: PaymentFacts): Promise<void> {
    const { network, sequencer } = this.#world;
    const { random } = network;
    const by = `${this.name} settlement ${this.#signed++}`;
    for (let tries = random.chance(0.2) ? 3 : MOST_TRIES; tries > 0; tries--) {
      const payment = paymentOf(random.pick(copies), facts);
      const reserve = TRANSFER_BYTES * sequencer.baseFee;
      const id = random.chance(0.2) ? `${by} ${tries}` : by;
      try {
        const answer = await network.call(this, facilitator, () => facilitator.settle(payment, id, reserve));
        const isAgain = answer.answer === "pending" || answer.answer === "unavailable" || ("code" in answer && AGAIN.has(answer.code));
        if (!isAgain) return;
      } catch (error) {
        if (!(error instanceof NoAnswer)) throw error;
      }
      await network.sleep(this, random.between(500, 8000));
    }
  }

  #cancelLater(facilitator: Facilitator, payment: LanePayment): void {
    const { network } = this.#world;
    network.after(network.random.between(0, 5000), () => {
      void network.call(this, facilitator, () => facilitator.cancel(payment)).catch(() => undefined);
    });
  }

  #sendBySelf({ wire }: Transfer): void {
    const { network, sequencer } = this.#world;
    network.after(network.random.between(0, 30_000), () => {
      void network.call(this, sequencer, () => sequencer.send(wire, this.name)).catch(() => undefined);
    });
  }

  /** The same nonce spent on something else: nearly all that the account has. */
  #drain({ nonce }: Transfer): Transfer {
    const { sequencer } = this.#world;
    const { balance } = sequencer.account(this.account);
    const maxFee = TRANSFER_BYTES * 40n;
    const value = balance > 2n * maxFee ? balance - 2n * maxFee : 1n;
    return sequencer.sign({ from: this.account, to: this.#shop, value, nonce, maxFee }, `${this.name} ${this.#signed++} drained`);
  }
}

const FINALITIES: readonly Finality[] = ["head", "head", "depth:1", "depth:2", "depth:3", "final"];
type PaymentFacts = Pick<LanePayment, "fingerprint" | "finality" | "validBefore">;

function paymentOf({ h, transaction, wire, from, to, value, nonce, maxFee }: Transfer, facts: PaymentFacts): LanePayment {
  return { h, transaction, wire, payer: from, payee: to, value, nonce, maxFee, ...facts };
}

/** A machine with one shard of the ledger on it: the real rules over a real database that outlives every crash. */

import { memoryStore } from "../../agent-cli/demo/memory-store.ts";
import type { Genesis } from "../../shared/ledger/genesis.ts";
import type { LedgerRules } from "../../shared/ledger/rules.ts";
import type { LedgerStore } from "../../shared/ledger/store.ts";
import { START } from "../../shared/ledger/testing/ledger.ts";
import { GroupCommit } from "../../workers/ledger-do/group-commit.ts";
import type { LedgerCode } from "../ledger-code.ts";
import { Crashed, type Machine, type Network, NoAnswer } from "./network.ts";

const ALARM_MILLIS = 10_000;
const DELAY_MILLIS = 20;
/** What a flush of the disk takes at most: long enough for calls to meet. */
const FLUSH_MILLIS = 600;

export class Shard implements Machine {
  readonly name: string;
  up = true;
  life = 0;
  skew = 0;
  /** The latest time that its ledger has seen, over all lives. */
  latest = 0;
  /** Groups of several calls that were written. */
  groups = 0;
  readonly #network: Network;
  readonly #code: LedgerCode;
  readonly #genesis: Genesis;
  readonly #peers: readonly Shard[];
  readonly #store = new CrashingStore();
  #rules: LedgerRules;
  #commits: GroupCommit;
  #delivering = new Set<number>();
  /** It stopped in the middle of a group, and has not noticed yet. */
  #crashed = false;

  constructor(network: Network, code: LedgerCode, genesis: Genesis, peers: readonly Shard[]) {
    this.name = `shard ${genesis.place?.shard}`;
    this.#network = network;
    this.#code = code;
    this.#genesis = genesis;
    this.#peers = peers;
    this.#rules = this.#open();
    this.#commits = this.#newCommits();
    this.#tick();
  }

  get rules(): LedgerRules {
    return this.#rules;
  }

  /** Unix seconds, as this machine sees them. */
  get clock(): number {
    return START + Math.floor(this.#network.now / 1000) + this.skew;
  }

  /** One call to the ledger. In a storm the machine may stop at any statement of it, and just before it answers. */
  handle<T>(event: (rules: LedgerRules, clock: number) => T): T {
    const { random, weather } = this.#network;
    if (this.#crashed) throw new Crashed();
    this.latest = Math.max(this.latest, this.clock);
    if (random.chance(weather.crash * 5)) this.#store.crashAfter(random.between(0, 12));
    try {
      const result = event(this.#rules, this.clock);
      if (random.chance(weather.crash)) throw new Crashed();
      this.#network.after(DELAY_MILLIS, () => this.#deliverAll());
      return result;
    } finally {
      this.#store.crashAfter(Number.POSITIVE_INFINITY);
    }
  }

  /** The same of a caller's call: with those that arrive during a flush it is one transaction. */
  commit<T>(event: (rules: LedgerRules, clock: number) => T): Promise<T> {
    return this.#commits.run(() => this.handle(event));
  }

  #newCommits(): GroupCommit {
    const { random } = this.#network;
    const { life } = this;
    const flush = () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#network.after(random.between(1, FLUSH_MILLIS), () => void (this.life === life && resolve()));
      return promise;
    };
    return new GroupCommit(flush, (calls) => this.#together(calls));
  }

  /** A group can fail while the machine goes on: its calls are then run one by one. */
  #together(calls: () => void): void {
    const { random, weather } = this.#network;
    try {
      this.#rules.together(() => {
        calls();
        if (random.chance(weather.crash)) throw new Error("the group fails");
        if (random.chance(weather.crash * 10)) this.#store.crashAfter(random.between(0, 3));
      });
      this.groups++;
    } catch (error) {
      this.#crashed ||= error instanceof Crashed;
      throw error;
    } finally {
      this.#store.crashAfter(Number.POSITIVE_INFINITY);
    }
  }

  stop(): void {
    this.#delivering = new Set();
  }

  start(): void {
    this.#crashed = false;
    this.#rules = this.#open();
    this.#commits = this.#newCommits();
    this.#tick();
  }

  #open(): LedgerRules {
    return new this.#code.LedgerRules(this.#store, this.#genesis);
  }

  /** The alarm: it rings whatever happens, for as long as this life lasts. */
  #tick(): void {
    const { life } = this;
    this.#network.after(ALARM_MILLIS, () => {
      if (this.life !== life) return;
      try {
        this.handle((rules, clock) => rules.runMaintenance(clock));
      } catch (error) {
        if (!(error instanceof Crashed)) throw error;
        return this.#network.crash(this);
      }
      this.#tick();
    });
  }

  #deliverAll(): void {
    if (!this.up) return;
    for (const to of this.#rules.destinations()) void this.#deliver(to);
  }

  async #deliver(to: number): Promise<void> {
    const peer = this.#peers[to];
    if (!peer || this.#delivering.has(to)) return;
    const delivering = this.#delivering;
    delivering.add(to);
    try {
      await this.#code.deliver(this.#rules, to, (batch) =>
        this.#network.call(this, peer, () => peer.handle((rules, clock) => rules.receive(batch, clock))),
      );
    } catch (error) {
      if (error instanceof NoAnswer) return;
      this.#network.fail(error);
    } finally {
      delivering.delete(to);
    }
  }
}

/** A database in which the machine can stop at any statement: the outermost transaction has not happened, whatever its caller does. */
class CrashingStore implements LedgerStore {
  readonly #store = memoryStore();
  #left = Number.POSITIVE_INFINITY;
  #depth = 0;
  #stopped = false;

  crashAfter(statements: number): void {
    this.#left = statements;
  }

  sql(...statement: Parameters<LedgerStore["sql"]>): ReturnType<LedgerStore["sql"]> {
    this.#stopped ||= this.#left-- <= 0;
    try {
      this.#mustRun();
      return this.#store.sql(...statement);
    } finally {
      this.#stopped &&= this.#depth > 0;
    }
  }

  transact<T>(body: () => T): T {
    this.#depth++;
    try {
      return this.#store.transact(() => {
        const result = body();
        this.#mustRun();
        return result;
      });
    } finally {
      this.#depth--;
      this.#stopped &&= this.#depth > 0;
    }
  }

  #mustRun(): void {
    if (this.#stopped) throw new Crashed();
  }

  /** For seeded faults only: ends the transaction in its middle. */
  commit(): void {
    this.#store.sql("RELEASE nested_0");
    for (let depth = 0; depth < this.#depth; depth++) this.#store.sql(`SAVEPOINT nested_${depth}`);
  }
}

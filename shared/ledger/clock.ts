/** The ledger's own time, in unix seconds. While the ledger is open it never runs back, even if the machine's clock does. */

import { invariant, type LedgerStore } from "./store.ts";

export class Clock {
  readonly #store: LedgerStore;
  /** The latest time that was stored, or seen since the ledger was opened. */
  #now: number;

  constructor(store: LedgerStore) {
    this.#store = store;
    const last = store.sql("SELECT last FROM clock")[0]?.["last"];
    invariant(typeof last === "number", "the ledger has a clock"); // NaN would make no payment expire
    this.#now = last;
  }

  get now(): number {
    return this.#now;
  }

  /** Advances to the machine's time, if that is later. @returns the ledger's time */
  advance(machine: number): number {
    this.#now = Math.max(this.#now, machine);
    return this.#now;
  }

  /** Stores the time. Call it before an answer that depends on a time having passed: a restart then cannot take it back. */
  persist(): void {
    this.#store.sql("UPDATE clock SET last = ? WHERE last < ?", this.#now, this.#now);
  }
}

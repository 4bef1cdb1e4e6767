/** The ledger's own time, in unix seconds. It never runs back while the ledger is open, whatever the machine's clock does. */
import { invariant, type LedgerStore } from "./store.ts";

export class Clock {
  readonly #store: LedgerStore;
  /** The latest time seen since the ledger was opened, or stored before. */
  #now: number;

  constructor(store: LedgerStore) {
    this.#store = store;
    const last = store.sql("SELECT last FROM clock")[0]?.["last"];
    invariant(typeof last === "number", "the ledger has a clock"); // no payment is ever too late for a time that is no number
    this.#now = last;
  }

  get now(): number {
    return this.#now;
  }

  /** Moves on to what the machine says, if that is later. @returns the time now */
  advance(machine: number): number {
    this.#now = Math.max(this.#now, machine);
    return this.#now;
  }

  /** Writes the time down. Before an answer that says it has passed for good: then no restart can take that back. */
  persist(): void {
    this.#store.sql("UPDATE clock SET last = ? WHERE last < ?", this.#now, this.#now);
  }
}

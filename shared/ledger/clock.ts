/** The ledger's own time, in unix seconds. While the ledger is open it never runs back, even if the machine's clock does. */

import { CLOCK_AGREEMENT_SECONDS, MAX_CLOCK_STEP_SECONDS } from "../limits.ts";
import { integer, row } from "../row.ts";
import { invariant, type LedgerStore } from "./store.ts";

/** Unix seconds. */
export interface ClockTimes {
  /** The ledger's time. */
  now: number;
  /** The latest time at which the ledger refused or forgot something forever. */
  final: number;
}

const clockRow = row({ last: integer(), final: integer() });

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

  /** Reads the stored times; the ledger's own may be later. */
  get times(): ClockTimes {
    const [stored] = this.#store.sql("SELECT last, final FROM clock").map(clockRow);
    return { now: this.#now, final: stored?.final ?? this.#now };
  }

  /**
   * Whether the machine's time can be the time. One clock alone is believed for a day ahead: a wrong one would expire everything.
   * Beyond that a second clock must agree, however long the ledger was left alone.
   * @param caller unix seconds of the caller's clock
   */
  believes(machine: number, caller?: number): boolean {
    return !this.isJump(machine) || (caller !== undefined && Math.abs(machine - caller) <= CLOCK_AGREEMENT_SECONDS);
  }

  isJump(machine: number): boolean {
    return machine > this.#now + MAX_CLOCK_STEP_SECONDS;
  }

  /** Advances to the machine's time, if that is later. @returns the ledger's time */
  advance(machine: number): number {
    this.#now = Math.max(this.#now, machine);
    return this.#now;
  }

  /** Takes back what was seen later, as callers do after a rollback of all that happened since the ledger was opened. */
  takeBack(to: number): void {
    this.#now = to;
  }

  /** Stores the time: alarms compare theirs with it after a restart. */
  persist(): void {
    this.#store.sql("UPDATE clock SET last = ? WHERE last < ?", this.#now, this.#now);
  }

  /** Stores the time before something that depends on its having passed is said or forgotten: a restart then cannot take it back. */
  persistFinal(): void {
    this.#store.sql("UPDATE clock SET last = max(last, ?), final = max(final, ?) WHERE final < ?", this.#now, this.#now, this.#now);
  }

  /** Begins no earlier than another ledger's last final answer. */
  startAfter(final: number): void {
    this.advance(final);
    this.persistFinal();
  }

  /** Sets the time, back as well. What was final later than that is no longer. */
  set(to: number): void {
    this.#store.sql("UPDATE clock SET last = ?, final = min(final, ?)", to, to);
    this.#now = to;
  }
}

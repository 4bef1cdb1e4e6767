/** The rule behind memory.ts, over whatever keeps its entries: who may serve a payment, and what is left to know of it. */
import type { Digest } from "../../../shared/crypto/digest.ts";
import { MAX_VALIDITY_SECONDS, SWEEP_INTERVAL_SECONDS, UNDELIVERED_SECONDS } from "../../../shared/limits.ts";
import { unixNow } from "../../../shared/time.ts";
import type { Lease, PaymentMemory, Remembered } from "./memory.ts";

export interface Entry {
  /** Whoever serves the payment, or was the last to. */
  lease: Digest;
  /** Unix seconds. */
  leaseUntil: number;
  remembered?: Remembered | undefined;
  /** Unix seconds. */
  forgetAfter: number;
}

/** Where entries are kept: a Map, or a table. */
export interface Shelf {
  get(key: Digest): Entry | undefined;
  set(key: Digest, entry: Entry): unknown;
  delete(key: Digest): unknown;
}

/** The same methods without an await: nothing happens between the first read and the last write. */
export type Synchronous<T> = {
  [Name in keyof T]: T[Name] extends (...args: infer Args) => Promise<infer Result> ? (...args: Args) => Result : never;
};

export class Leases implements Synchronous<PaymentMemory> {
  readonly #shelf: Shelf;
  readonly #clock: () => number;

  /** @param clock unix seconds */
  constructor(shelf: Shelf, clock: () => number = unixNow) {
    this.#shelf = shelf;
    this.#clock = clock;
  }

  begin(key: Digest, lease: Digest, seconds: number, meanwhile?: Remembered): Lease {
    const entry = this.#shelf.get(key);
    if (this.#isTaken(entry, lease)) return { granted: false };
    const leaseUntil = this.#clock() + seconds;
    const forgetAfter = leaseUntil + (meanwhile ? UNDELIVERED_SECONDS + MAX_VALIDITY_SECONDS : SWEEP_INTERVAL_SECONDS);
    this.#shelf.set(key, {
      lease,
      leaseUntil,
      remembered: entry?.remembered ?? meanwhile,
      forgetAfter: Math.max(forgetAfter, entry?.forgetAfter ?? 0),
    });
    return granted(entry);
  }

  resume(key: Digest, lease: Digest, seconds: number): Lease {
    const entry = this.#shelf.get(key);
    const isOver = !entry?.remembered || entry.remembered.state === "delivered";
    return isOver && !this.#isTaken(entry, lease) ? granted(entry) : this.begin(key, lease, seconds);
  }

  finish(key: Digest, lease: Digest, remembered: Remembered | undefined, forgetAfter: number): void {
    const entry = this.#shelf.get(key);
    if (this.#isTaken(entry, lease)) return;
    const isOthers = entry && entry.lease !== lease;
    if (isOthers && (!remembered || entry.remembered?.state === "delivered")) return;
    if (remembered) this.#shelf.set(key, { lease, leaseUntil: 0, remembered, forgetAfter });
    else this.#shelf.delete(key);
  }

  #isTaken(entry: Entry | undefined, lease: Digest): boolean {
    return entry !== undefined && entry.lease !== lease && entry.leaseUntil >= this.#clock();
  }
}

function granted(entry: Entry | undefined): Lease {
  return { granted: true, ...(entry?.remembered && { remembered: entry.remembered }) };
}

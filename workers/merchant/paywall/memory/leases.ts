/** The rules of the merchant's memory: which lease may serve a payment, and what an ended lease leaves. Any LeaseStore holds the entries. */

import { type Digest, randomDigest } from "../../../../shared/crypto/digest.ts";
import {
  MAX_CLOCK_STEP_SECONDS,
  MAX_HOLD_SECONDS,
  MAX_VALIDITY_SECONDS,
  SWEEP_INTERVAL_SECONDS,
  UNDELIVERED_SECONDS,
  UNSETTLED_RUN_SECONDS,
} from "../../../../shared/limits.ts";
import { unixNow } from "../../../../shared/time.ts";
import type { Conclusion, DeliveryState, DeliveryStore, Lease } from "../types.ts";

export interface LeaseEntry {
  /** The current or last holder. */
  lease: Digest;
  /** Unix seconds. */
  leaseUntil: number;
  remembered?: DeliveryState | undefined;
  /** Unix seconds. */
  forgetAfter: number;
}

/** Holds the entries: a Map or a table. */
export interface LeaseStore {
  get(key: Digest): LeaseEntry | undefined;
  set(key: Digest, entry: LeaseEntry): unknown;
  delete(key: Digest): unknown;
}

/** The same methods without an await, so that nothing happens between the first read and the last write. */
export type Synchronous<T> = {
  [Name in keyof T]: NonNullable<T[Name]> extends (...args: infer Args) => Promise<infer Result> ? (...args: Args) => Result : never;
};

/** The runs of one payer that have not settled. */
export interface RunStore {
  /** Runs of other payments that started after `since`, and not after `until`. */
  countOthers(key: Digest, since: number, until: number): number;
  start(key: Digest, at: number): unknown;
  end(key: Digest): unknown;
}

export class Leases implements Required<Synchronous<DeliveryStore>> {
  readonly #store: LeaseStore;
  readonly #runs: RunStore;
  readonly #clock: () => number;

  /** @param clock unix seconds */
  constructor(store: LeaseStore, runs: RunStore, clock: () => number = unixNow) {
    this.#store = store;
    this.#runs = runs;
    this.#clock = clock;
  }

  startRun(key: Digest, lease: Digest, seconds: number, max: number): "started" | "taken" | "too_many" {
    const now = this.#clock();
    // A run of a later time was started by a wrong clock, and would count until then.
    if (this.#runs.countOthers(key, now - UNSETTLED_RUN_SECONDS, now + MAX_CLOCK_STEP_SECONDS) >= max) return "too_many";
    if (!this.begin(key, lease, seconds).granted) return "taken";
    this.#runs.start(key, now);
    return "started";
  }

  endRun(key: Digest): void {
    this.#runs.end(key);
  }

  begin(key: Digest, lease: Digest, seconds: number, ifAbandoned?: DeliveryState): Lease {
    const entry = this.#store.get(key);
    if (this.#isTaken(entry, lease)) return { granted: false };
    const leaseUntil = this.#clock() + seconds;
    const forgetAfter = leaseUntil + (ifAbandoned ? UNDELIVERED_SECONDS + MAX_VALIDITY_SECONDS : SWEEP_INTERVAL_SECONDS);
    this.#store.set(key, {
      lease,
      leaseUntil,
      remembered: entry?.remembered ?? ifAbandoned,
      forgetAfter: Math.max(forgetAfter, entry?.forgetAfter ?? 0),
    });
    return granted(entry);
  }

  resume(key: Digest, lease: Digest, seconds: number): Lease {
    const entry = this.#store.get(key);
    const isOver = !entry?.remembered || entry.remembered.state === "delivered" || isRefunded(entry);
    return isOver && !this.#isTaken(entry, lease) ? granted(entry) : this.begin(key, lease, seconds);
  }

  finish(key: Digest, lease: Digest, remembered: DeliveryState | undefined, forgetAfter: number): void {
    // The money moved, so the run counts no longer, even if another request holds the lease.
    if (remembered && remembered.state !== "pending") this.#runs.end(key);
    const entry = this.#store.get(key);
    // The money goes back, whatever a run says that ends after that.
    if (entry && isRefunded(entry)) return this.#end(key, lease, entry);
    if (this.#isTaken(entry, lease)) return;
    const isAnothers = entry && entry.lease !== lease;
    if (isAnothers && (!remembered || entry.remembered?.state === "delivered")) return;
    if (remembered) this.#store.set(key, { lease, leaseUntil: 0, remembered, forgetAfter });
    else this.#store.delete(key);
  }

  /** Records a debt in place of whatever is known, at the seller's word. False while another request serves the payment. */
  reopen(key: Digest, debt: DeliveryState, forgetAfter: number): boolean {
    const entry = this.#store.get(key);
    const lease = randomDigest();
    if (this.#isTaken(entry, lease) || (entry && isRefunded(entry))) return false;
    this.#store.set(key, { lease, leaseUntil: 0, remembered: debt, forgetAfter });
    return true;
  }

  deliver(key: Digest, lease: Digest, forgetAfter: number): Conclusion {
    const entry = this.#store.get(key);
    if (entry && isRefunded(entry)) return "refund";
    // Its run may fail, and the money then goes back.
    if (this.#isTaken(entry, lease)) return "taken";
    this.finish(key, lease, { state: "delivered" }, forgetAfter);
    return "delivered";
  }

  /** Ends the lease, if it is the last one, and changes nothing else. */
  #end(key: Digest, lease: Digest, entry: LeaseEntry): void {
    if (entry.lease === lease) this.#store.set(key, { ...entry, leaseUntil: 0 });
  }

  #isTaken(entry: LeaseEntry | undefined, lease: Digest): boolean {
    return entry !== undefined && entry.lease !== lease && isHeld(entry.leaseUntil, this.#clock());
  }
}

function isRefunded({ remembered }: LeaseEntry): boolean {
  return remembered?.state === "refund";
}

/** A lease that lasts longer than any was given by a clock that was ahead, and is over. In unix seconds. */
export function isHeld(leaseUntil: number, now: number): boolean {
  return leaseUntil >= now && leaseUntil <= now + MAX_HOLD_SECONDS;
}

function granted(entry: LeaseEntry | undefined): Lease {
  return { granted: true, ...(entry?.remembered && { remembered: entry.remembered }) };
}

/**
 * A session's deposit, as its object gives it away: a part to each lane, the rest to lane 0. The parts never come to more than the
 * deposit, so no two acceptors can spend the same unit. spec/sessions.md §3.
 */

import { LANE_CALLS, LANE_PART, LANE_SECONDS, MAX_SESSION_LANES } from "../../../../shared/limits.ts";

/** A lane that was given to an isolate. Sums in atomic units, cumulative within the lane; times in milliseconds of the object's clock. */
export interface LaneShare {
  readonly id: string;
  /** What it takes of the deposit. Once it is folded: what was reported. */
  limit: bigint;
  /** What its isolate has reported as delivered. */
  spent: bigint;
  leaseUntil: number;
  /** Its lease was over, and what was not reported went back. Final; a late report can still add to it. */
  folded: boolean;
}

/** The lane that the object itself has. */
export interface OwnLane {
  readonly accepted: bigint;
}

export class Deposit {
  readonly #deposit: bigint;
  readonly #own: OwnLane;
  readonly #lanes: Map<string, LaneShare>;

  /** @param lanes those that were given away before, from disk: an object that started anew must not give the same money out twice */
  constructor(deposit: bigint, own: OwnLane, lanes: Iterable<LaneShare> = []) {
    this.#deposit = deposit;
    this.#own = own;
    this.#lanes = new Map([...lanes].map((lane) => [lane.id, lane]));
  }

  get lanes(): Iterable<LaneShare> {
    return this.#lanes.values();
  }

  lane(id: string): LaneShare | undefined {
    return this.#lanes.get(id);
  }

  /** The most that lane 0 may come to. */
  get ownLimit(): bigint {
    let rest = this.#deposit;
    for (const { limit } of this.#lanes.values()) rest -= limit;
    return rest;
  }

  /** What is not given away yet. */
  get #room(): bigint {
    return this.ownLimit - this.#own.accepted;
  }

  /**
   * Gives a new lane away, for calls that cost `amount` each. `fold` comes first, here and before a renewal.
   * @param id random: a lane is never given twice
   * @returns undefined if not one call is left, or the ledger would keep no more lanes
   */
  grant(id: string, amount: bigint, now: number): LaneShare | undefined {
    const limit = least(this.#shareOf(amount), this.#room);
    if (limit < amount || this.#lanes.has(id) || this.#lanes.size >= MAX_SESSION_LANES - 1) return undefined;
    const lane = { id, limit, spent: 0n, leaseUntil: now + LANE_SECONDS * 1000, folded: false };
    this.#lanes.set(id, lane);
    return lane;
  }

  /**
   * Lets an isolate keep its lane, and gives it more if it needs more.
   * @param needed the sum that the lane has to reach
   * @returns the lane, whose limit may still be below `needed`; undefined if it was folded, so that its isolate must let go of it
   */
  renew(id: string, amount: bigint, needed: bigint, now: number): LaneShare | undefined {
    const lane = this.#lanes.get(id);
    if (!lane || lane.folded) return undefined;
    lane.leaseUntil = Math.max(lane.leaseUntil, now + LANE_SECONDS * 1000);
    if (needed <= lane.limit) return lane;
    const more = least(greatest(needed - lane.limit, this.#shareOf(amount)), this.#room);
    if (lane.limit + more >= needed) lane.limit += more;
    return lane;
  }

  /**
   * Takes what an isolate says of a lane. Reports may come twice, late and in any order: only what is above the last one counts, and of
   * that only what fits the lane's part, or what the deposit has left.
   */
  report(id: string, spent: bigint, now: number): LaneShare {
    const lane = this.#lanes.get(id) ?? { id, limit: 0n, spent: 0n, leaseUntil: now, folded: true };
    this.#lanes.set(id, lane);
    if (spent > lane.limit) lane.limit += least(spent - lane.limit, this.#room);
    lane.spent = greatest(lane.spent, least(spent, lane.limit));
    return lane;
  }

  /** A handler of the lane runs for longer than a moment: the lease lasts until it is over. */
  extend(id: string, until: number): void {
    const lane = this.#lanes.get(id);
    if (lane && !lane.folded) lane.leaseUntil = Math.max(lane.leaseUntil, until);
  }

  /**
   * Takes back what lanes did not report whose lease is over.
   * @param kept the lane whose isolate is calling: it may still be renewed
   * @returns those that it took back now
   */
  fold(now: number, kept?: string): LaneShare[] {
    const over = [...this.#lanes.values()].filter((lane) => !lane.folded && lane.leaseUntil < now && lane.id !== kept);
    for (const lane of over) {
      lane.folded = true;
      lane.limit = lane.spent;
    }
    return over;
  }

  /** Forgets a lane that came to nothing. */
  forget(id: string): void {
    this.#lanes.delete(id);
  }

  #shareOf(amount: bigint): bigint {
    return greatest(LANE_CALLS * amount, this.#deposit / LANE_PART);
  }
}

function least(one: bigint, other: bigint): bigint {
  return one < other ? one : other;
}

function greatest(one: bigint, other: bigint): bigint {
  return one > other ? one : other;
}

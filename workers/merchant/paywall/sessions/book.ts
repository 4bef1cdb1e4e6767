/**
 * What the object of one session knows: lane 0, which it has itself, and the lanes that it gave away. Every change that an answer relies on is
 * in the store before the answer leaves. spec/sessions.md §3. Sums in atomic units, times in milliseconds of the object's clock.
 */

import { type Acceptance, Lane, type LaneVoucher, type RunningCall } from "../../../../shared/batch-settlement/lane.ts";
import { OWN_SERIALS_AHEAD } from "../../../../shared/limits.ts";
import { FIRST_LANE } from "../../../../shared/protocol/voucher.ts";
import { Deposit, type LaneShare } from "./deposit.ts";

/** A lane that was given away, as it is kept. */
export interface LaneRow<Voucher> extends Readonly<LaneShare> {
  /** The voucher with the highest sum that was reported. */
  readonly best: Voucher | undefined;
  /** What the ledger has paid of it. */
  readonly claimed: bigint;
}

/** Lane 0, as it is kept. */
export interface OwnRow<Voucher> {
  readonly spent: bigint;
  readonly best: Voucher | undefined;
  readonly claimed: bigint;
  /** No higher serial was accepted. */
  readonly serialCeiling: number;
}

/** Where it is kept: tables of the object. */
export interface BookStore<Voucher> {
  own(): OwnRow<Voucher> | undefined;
  lanes(): Iterable<LaneRow<Voucher>>;
  putOwn(row: OwnRow<Voucher>): void;
  putLane(row: LaneRow<Voucher>): void;
  deleteLane(id: string): void;
}

/** What an isolate says of its lane. */
export interface LaneReport<Voucher> {
  id: string;
  spent: bigint;
  /** Covers `spent`. */
  best: Voucher | undefined;
  /** Milliseconds from now in which a handler may still deliver: the lease lasts for so long. */
  runsFor?: number | undefined;
}

/** What the merchant can claim of a lane, and has not claimed. */
export interface Claimable<Voucher> {
  lane: string;
  amount: bigint;
  voucher: Voucher;
}

type Paid<Voucher> = { best: Voucher | undefined; claimed: bigint };

export class SessionBook<Voucher extends LaneVoucher> {
  readonly #store: BookStore<Voucher>;
  readonly #own: Lane<Voucher>;
  readonly #deposit: Deposit;
  readonly #paid = new Map<string, Paid<Voucher>>();
  /** The calls of lane 0, each with the time at which its handler has ended at the latest. */
  readonly #running = new Map<number, { call: RunningCall; until: number }>();
  #ownClaimed: bigint;
  #serialCeiling: number;
  #keptSpent: bigint;

  /** Opens the book on what the store has: an object that starts anew knows what it gave away, and takes no serial that it may have taken. */
  constructor(deposit: bigint, store: BookStore<Voucher>) {
    this.#store = store;
    const kept = store.own();
    const lanes = [...store.lanes()];
    this.#own = new Lane(kept && { spent: kept.spent, best: kept.best, floor: kept.serialCeiling });
    this.#ownClaimed = kept?.claimed ?? 0n;
    this.#serialCeiling = kept?.serialCeiling ?? 0;
    this.#keptSpent = kept?.spent ?? 0n;
    for (const { id, best, claimed } of lanes) this.#paid.set(id, { best, claimed });
    const shares = lanes.map(({ id, limit, spent, leaseUntil, folded }) => ({ id, limit, spent, leaseUntil, folded }));
    this.#deposit = new Deposit(deposit, this.#own, shares);
  }

  /** Lane 0, to read. */
  get own(): Omit<Lane<Voucher>, "accept" | "complete" | "fail" | "charge" | "end"> {
    return this.#own;
  }

  get ownLimit(): bigint {
    return this.#deposit.ownLimit;
  }

  /** What was charged in all lanes, as far as it was reported. */
  get charged(): bigint {
    let charged = this.#own.spent;
    for (const { spent } of this.#deposit.lanes) charged += spent;
    return charged;
  }

  get lanes(): Iterable<Readonly<LaneShare>> {
    return this.#deposit.lanes;
  }

  /**
   * Takes a voucher of lane 0, whose handler ends at `until` at the latest. A call whose end is never told was delivered or not: it is charged
   * nothing, and does not run again.
   */
  take(voucher: Voucher, amount: bigint, now: number, until: number): Acceptance {
    for (const [serial, { until }] of this.#running) if (until < now) this.finish(serial, 0n);
    const accepted = this.#own.accept(voucher, amount, this.#deposit.ownLimit);
    if (!accepted.ok) return accepted;
    this.#running.set(voucher.serial, { call: accepted.call, until });
    if (voucher.serial > this.#serialCeiling) {
      this.#serialCeiling = Math.min(voucher.serial + OWN_SERIALS_AHEAD, Number.MAX_SAFE_INTEGER);
      this.flush();
    }
    return accepted;
  }

  /**
   * The handler of a voucher of lane 0 is over.
   * @param charge undefined: it did not deliver
   * @returns what is not kept yet; the caller flushes it at a sum or a time. Undefined if this object runs no such call: it started anew
   */
  finish(serial: number, charge: bigint | undefined): bigint | undefined {
    const call = this.#running.get(serial)?.call;
    if (!call) return undefined;
    this.#running.delete(serial);
    if (call.charged !== undefined) {
      this.#chargeUpTo(call, charge ?? 0n);
      this.#own.end(call);
    } else if (charge === undefined) this.#own.fail(call);
    else this.#own.complete(call, charge);
    return this.#own.spent - this.#keptSpent;
  }

  /**
   * The answer of a call of lane 0 flows, and has come to `charged` so far. Told twice or late, it counts once.
   * @param until when it is over at the latest, unless it is told again
   * @returns as `finish` does
   */
  charge(serial: number, charged: bigint, until: number): bigint | undefined {
    const running = this.#running.get(serial);
    if (!running) return undefined;
    running.until = Math.max(running.until, until);
    this.#chargeUpTo(running.call, charged);
    return this.#own.spent - this.#keptSpent;
  }

  #chargeUpTo(call: RunningCall, charged: bigint): void {
    const known = call.charged ?? 0n;
    this.#own.charge(call, charged > known ? charged - known : 0n);
  }

  /** Keeps what lane 0 came to. */
  flush(): void {
    this.#keptSpent = this.#own.spent;
    const { spent, best } = this.#own;
    this.#store.putOwn({ spent, best, claimed: this.#ownClaimed, serialCeiling: this.#serialCeiling });
  }

  /** Gives an isolate a lane. Undefined if there is none to give. */
  grant(id: string, amount: bigint, now: number): Readonly<LaneShare> | undefined {
    this.fold(now);
    const lane = this.#deposit.grant(id, amount, now);
    if (lane) this.#put(lane);
    return lane;
  }

  /** Prolongs an isolate's lane, and raises its limit to `needed` at least, if there is so much. Undefined if the lane was folded. */
  renew(report: LaneReport<Voucher>, amount: bigint, needed: bigint, now: number): Readonly<LaneShare> | undefined {
    this.fold(now, report.id);
    const reported = this.#learn(report, now);
    const lane = this.#deposit.renew(report.id, amount, needed, now);
    this.#put(reported); // one row for both
    return lane;
  }

  /** Takes what an isolate says of its lane: also late, twice, or of a lane that was folded. */
  report(report: LaneReport<Voucher>, now: number): Readonly<LaneShare> {
    const lane = this.#learn(report, now);
    this.#put(lane);
    return lane;
  }

  #learn({ id, spent, best, runsFor }: LaneReport<Voucher>, now: number): LaneShare {
    const lane = this.#deposit.report(id, spent, now);
    if (runsFor) this.#deposit.extend(id, now + runsFor);
    const known = this.#paid.get(id);
    const isHigher = best && best.maxClaimable > (known?.best?.maxClaimable ?? 0n);
    this.#paid.set(id, { best: isHigher ? best : known?.best, claimed: known?.claimed ?? 0n });
    return lane;
  }

  /** An isolate has reported its lane for the last time. */
  release(id: string): void {
    const lane = this.#deposit.lane(id);
    if (!lane || lane.folded) return;
    lane.leaseUntil = 0;
    this.#put(lane);
  }

  /** Whether an isolate may still accept in a lane, or an answer of lane 0 flows. */
  hasLeases(now: number): boolean {
    if (this.#flowsUntil() >= now) return true;
    for (const { folded, leaseUntil } of this.#deposit.lanes) if (!folded && leaseUntil >= now) return true;
    return false;
  }

  /** When the last lease ends, or ended. */
  lastLease(): number {
    let last = this.#flowsUntil();
    for (const { leaseUntil } of this.#deposit.lanes) last = Math.max(last, leaseUntil);
    return last;
  }

  #flowsUntil(): number {
    let last = 0;
    for (const { call, until } of this.#running.values()) if (call.charged !== undefined) last = Math.max(last, until);
    return last;
  }

  /** @param kept the lane whose isolate is calling */
  fold(now: number, kept?: string): void {
    for (const lane of this.#deposit.fold(now, kept)) this.#put(lane);
  }

  /** What can be claimed now, sorted by lane. */
  claimable(): Claimable<Voucher>[] {
    const { spent, best } = this.#own;
    const own = best && spent > this.#ownClaimed ? [{ lane: FIRST_LANE, amount: spent, voucher: best }] : [];
    const others = [...this.#deposit.lanes].flatMap(({ id, spent }) => {
      const { best, claimed } = this.#paid.get(id) ?? { best: undefined, claimed: 0n };
      return best && spent > claimed ? [{ lane: id, amount: spent, voucher: best }] : [];
    });
    return [...own, ...others].sort((one, other) => (one.lane < other.lane ? -1 : 1));
  }

  /** The ledger has paid these. */
  markClaimed(lanes: readonly { lane: string; amount: bigint }[]): void {
    for (const { lane: id, amount } of lanes) {
      const share = this.#deposit.lane(id);
      const paid = this.#paid.get(id);
      if (id === FIRST_LANE) this.#ownClaimed = amount;
      if (share && paid) {
        paid.claimed = amount;
        this.#put(share);
      }
    }
    this.flush();
  }

  /** Forgets lanes that came to nothing, and of which no report can come any more. */
  forgetEmpty(before: number): void {
    for (const { id, spent, folded, leaseUntil } of this.#deposit.lanes) {
      if (!folded || spent > 0n || leaseUntil >= before) continue;
      this.#deposit.forget(id);
      this.#paid.delete(id);
      this.#store.deleteLane(id);
    }
  }

  #put(lane: LaneShare): void {
    this.#store.putLane({ ...lane, ...(this.#paid.get(lane.id) ?? { best: undefined, claimed: 0n }) });
  }
}

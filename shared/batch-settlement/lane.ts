/**
 * One lane of a session's money, as the one acceptor that has it keeps it in memory: which vouchers fit, and what they came to.
 * spec/sessions.md §2. It is changed between two awaits only, so a voucher is judged and taken in one step.
 */

import { VOUCHER_WINDOW } from "../limits.ts";

/** What the rule reads of a voucher. Its signature and binding were verified before. */
export interface LaneVoucher {
  /** 1, 2, 3 … within the lane. */
  serial: number;
  /** Atomic units, cumulative within the lane. */
  maxClaimable: bigint;
}

/** A voucher whose handler runs. */
export interface RunningCall {
  readonly serial: number;
  /** The most that it can be charged, in atomic units. */
  readonly amount: bigint;
  /** Charged so far, if it is charged while its answer flows. */
  charged?: bigint;
}

export type Acceptance =
  | { ok: true; call: RunningCall }
  /** It was served: what it was charged, and what the lane had come to with it. */
  | { ok: false; code: "voucher_used"; charged: bigint; spent: bigint }
  | { ok: false; code: "payment_in_progress" | "voucher_out_of_step" | "session_exhausted" };

/** A serial that was taken. Without a charge its handler runs. */
interface Serial {
  readonly serial: number;
  readonly charged?: bigint;
  /** What the lane had come to with it. */
  readonly spent?: bigint;
}

/** A lane as it is kept. */
export interface KeptLane<Voucher> {
  readonly spent: bigint;
  readonly best: Voucher | undefined;
  /** No serial up to here is accepted. Of a lane whose serials are not kept, the highest that may have been served. */
  readonly floor: number;
  /** The window, and the highest serial that was ever taken: a call that failed leaves no entry, and moved the window. */
  readonly serials?: readonly Serial[];
  readonly highest?: number;
  /** The most that the calls under way can be charged. */
  readonly pending?: bigint;
}

export class Lane<Voucher extends LaneVoucher = LaneVoucher> {
  /** The voucher with the highest sum. It covers all that was spent. */
  best: Voucher | undefined;
  #spent: bigint;
  #pending: bigint;
  #highest: number;
  /** By serial modulo the window's size. An entry of an earlier serial counts as free. */
  readonly #serials: (Serial | undefined)[] = [];
  /** No serial up to here is accepted. */
  readonly #floor: number;

  constructor(kept?: KeptLane<Voucher>) {
    this.#spent = kept?.spent ?? 0n;
    this.best = kept?.best;
    this.#pending = kept?.pending ?? 0n;
    this.#floor = kept?.floor ?? 0;
    this.#highest = kept?.highest ?? this.#floor;
    for (const known of kept?.serials ?? []) this.#serials[known.serial % VOUCHER_WINDOW] = known;
  }

  /** All of it, to be kept. */
  get kept(): Required<KeptLane<Voucher>> {
    const serials = this.#serials.filter((known) => known !== undefined);
    return { spent: this.#spent, best: this.best, floor: this.#floor, serials, highest: this.#highest, pending: this.#pending };
  }

  /** The highest sum that the client signed, in atomic units, as all sums here. */
  get accepted(): bigint {
    return this.best?.maxClaimable ?? 0n;
  }

  /** What was delivered, and can be claimed. */
  get spent(): bigint {
    return this.#spent;
  }

  /** The most that the calls under way can be charged. */
  get pending(): bigint {
    return this.#pending;
  }

  /** The highest serial that was accepted, or may have been before a restart. */
  get highest(): number {
    return this.#highest;
  }

  /**
   * Takes a voucher for a call that can cost `amount`.
   * @param limit the most that this lane may come to
   */
  accept(voucher: Voucher, amount: bigint, limit: bigint): Acceptance {
    const { serial, maxClaimable } = voucher;
    if (serial <= this.#floor || serial <= this.#highest - VOUCHER_WINDOW) return { ok: false, code: "voucher_out_of_step" };
    const known = this.#serials[serial % VOUCHER_WINDOW];
    if (known?.serial === serial) {
      if (known.charged === undefined) return { ok: false, code: "payment_in_progress" };
      return { ok: false, code: "voucher_used", charged: known.charged, spent: known.spent ?? this.#spent };
    }
    if (maxClaimable > limit) return { ok: false, code: "session_exhausted" };
    const signed = maxClaimable > this.accepted ? maxClaimable : this.accepted;
    if (signed - this.#spent - this.#pending < amount) return { ok: false, code: "voucher_out_of_step" };

    if (maxClaimable > this.accepted) this.best = voucher;
    if (serial > this.#highest) this.#highest = serial;
    this.#serials[serial % VOUCHER_WINDOW] = { serial };
    this.#pending += amount;
    return { ok: true, call: { serial, amount } };
  }

  /**
   * The handler delivered. A charge above the amount counts as a failure.
   * @returns what the lane came to with it; undefined if the charge is too high
   */
  complete(call: RunningCall, charge: bigint): bigint | undefined {
    if (charge > call.amount || charge < 0n) {
      this.fail(call);
      return undefined;
    }
    this.#pending -= call.amount;
    this.#spent += charge;
    if (this.#at(call)) this.#serials[call.serial % VOUCHER_WINDOW] = { serial: call.serial, charged: charge, spent: this.#spent };
    return this.#spent;
  }

  /** The handler failed, and nothing was paid: the same voucher can come again. */
  fail(call: RunningCall): void {
    this.#pending -= call.amount;
    if (this.#at(call)) this.#serials[call.serial % VOUCHER_WINDOW] = undefined;
  }

  /**
   * Charges a part of what a call can cost, while its answer flows. It counts as spent at once, and is never given back.
   * @returns false, and nothing changes, if the call would come to more than its amount
   */
  charge(call: RunningCall, part: bigint): boolean {
    const charged = (call.charged ?? 0n) + part;
    if (part < 0n || charged > call.amount) return false;
    call.charged = charged;
    this.#pending -= part;
    this.#spent += part;
    return true;
  }

  /**
   * The answer of such a call is over, whole or not: its serial is used, and what was not charged is free.
   * @returns what the lane came to with it
   */
  end(call: RunningCall): bigint {
    const charged = call.charged ?? 0n;
    this.#pending -= call.amount - charged;
    if (this.#at(call)) this.#serials[call.serial % VOUCHER_WINDOW] = { serial: call.serial, charged, spent: this.#spent };
    return this.#spent;
  }

  /** Absent if the window has moved on while the handler ran. */
  #at({ serial }: RunningCall): Serial | undefined {
    const known = this.#serials[serial % VOUCHER_WINDOW];
    return known?.serial === serial ? known : undefined;
  }
}

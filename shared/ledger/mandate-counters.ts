/** What a mandate has spent, as numbers: the arithmetic of its limits. Pure; spec/state-table.md, "The states of a mandate". */

import type { LedgerMandate } from "../protocol/ledger-payment.ts";
import type { Refusal } from "../protocol/refusal.ts";
import { invariant } from "./store.ts";

/** Amounts are atomic units. */
export interface Counters {
  /** Paid; it only grows. */
  readonly settled: bigint;
  /** Held for payments that are under way. */
  readonly claimed: bigint;
  /** The period that the next two count in: 0, 1, 2 … It never goes back. */
  readonly window: number;
  readonly windowUsed: bigint;
  readonly windowCount: number;
}

/** A claim that was counted, and the period that it was counted in. */
export interface CountedClaim {
  value: bigint;
  window: number;
}

export const UNUSED: Counters = { settled: 0n, claimed: 0n, window: 0, windowUsed: 0n, windowCount: 0 };

/** The number of the period at `now`. A payment can come the clock skew before the mandate begins: that is period 0. */
export function windowAt({ validAfter, period }: LedgerMandate, now: number): number {
  return period ? Math.max(0, Math.floor((now - validAfter) / period.seconds)) : 0;
}

/** The first second of the period after this one. */
export function windowEnd({ validAfter, period }: LedgerMandate, window: number): number | undefined {
  return period && validAfter + (window + 1) * period.seconds;
}

/** The counters in the period of a claim that is made now: begun anew if it is a later one, and never an earlier one. */
export function inWindow(counters: Counters, window: number): Counters {
  return window > counters.window ? { ...counters, window, windowUsed: 0n, windowCount: 0 } : counters;
}

/** Why `value` more is beyond a limit; undefined if it is not. Limits are inclusive. */
export function beyondLimit(counters: Counters, mandate: LedgerMandate, value: bigint): Refusal | undefined {
  const { total, period } = mandate;
  if (counters.settled + counters.claimed + value > BigInt(total)) return { ok: false, code: "mandate_exceeded", limit: "total" };
  if (!period) return undefined;
  const tooMuch = counters.windowUsed + value > BigInt(period.amount);
  const tooOften = period.count !== undefined && counters.windowCount + 1 > period.count;
  if (!tooMuch && !tooOften) return undefined;
  const renewsAt = windowEnd(mandate, counters.window);
  return { ok: false, code: "mandate_exceeded", limit: tooMuch ? "period" : "count", ...(renewsAt !== undefined && { renewsAt }) };
}

export function withClaim(counters: Counters, value: bigint): Counters {
  const { claimed, windowUsed, windowCount } = counters;
  return { ...counters, claimed: claimed + value, windowUsed: windowUsed + value, windowCount: windowCount + 1 };
}

/** A claim was given back: to its own period, and to no later one. */
export function withoutClaim(counters: Counters, { value, window }: CountedClaim): Counters {
  const { claimed, windowUsed, windowCount } = counters;
  invariant(claimed >= value && window <= counters.window, "a mandate counts the claim that is given back");
  if (window !== counters.window) return { ...counters, claimed: claimed - value };
  invariant(windowUsed >= value && windowCount > 0, "a mandate's period counts the claim that is given back");
  return { ...counters, claimed: claimed - value, windowUsed: windowUsed - value, windowCount: windowCount - 1 };
}

/** A claim was paid, or a part of it. Its period counts it already. The rest goes back: to the claim's own period, and to no later one. */
export function withPayment(counters: Counters, { value, window }: CountedClaim, charged: bigint): Counters {
  const { claimed, settled, windowUsed } = counters;
  const rest = window === counters.window ? value - charged : 0n;
  invariant(claimed >= value && charged <= value && windowUsed >= rest, "a mandate counts the claim that is paid");
  return { ...counters, claimed: claimed - value, settled: settled + charged, windowUsed: windowUsed - rest };
}

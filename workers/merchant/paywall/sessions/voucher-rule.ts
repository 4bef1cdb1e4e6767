/**
 * What an isolate does next with a voucher, by what it knows at this moment. spec/sessions.md §2. Its caller takes that step and asks
 * again with what is known then, until the voucher is refused, its handler runs, or the session's object decides.
 */

import { freshSeconds } from "../../../../shared/batch-settlement/freshness.ts";
import type { Acceptance, Lane, LaneVoucher, RunningCall } from "../../../../shared/batch-settlement/lane.ts";
import { LANE_MARGIN_SECONDS, LANE_SECONDS, SESSION_ASK_SECONDS } from "../../../../shared/limits.ts";
import { FIRST_LANE } from "../../../../shared/protocol/voucher.ts";

/** What the ledger said of a session. Times in unix seconds. */
export interface Standing {
  status: "open" | "closing" | "closed";
  /** The last second for vouchers. */
  expiresAt: number;
  withdrawDelay: number;
  /** When the ledger said it, by its clock: not when it was heard. */
  at: number;
}

/** A lane that this isolate has. */
export interface LeasedLane<Voucher extends LaneVoucher> {
  readonly id: string;
  readonly lane: Lane<Voucher>;
  /** In atomic units. */
  limit: bigint;
  /** In milliseconds of this isolate's clock. */
  usableUntil: number;
}

/** What is known at this moment. */
export interface View<Voucher extends LaneVoucher> {
  /** Undefined: never heard of. */
  standing: Standing | undefined;
  leased: LeasedLane<Voucher> | undefined;
  /** In milliseconds. */
  now: number;
}

/** What was done for this voucher so far: each step is taken once. */
export interface Done {
  asked?: boolean;
  verified?: boolean;
  renewed?: boolean;
}

export type VoucherStep =
  /** The facilitator is asked what the ledger knows of the session. */
  | { step: "ask" }
  /** Binding and signature are verified, before anything of the session is told or its object is called. */
  | { step: "verify" }
  /** The object decides, and is asked for a lane for what comes next. */
  | { step: "object" }
  /** The object is asked to prolong the lane, and to raise its limit to `needed`. */
  | { step: "renew"; needed: bigint }
  /** The lane is not the isolate's: one is asked for, if there is none, and named in the refusal. */
  | { step: "name_lane" }
  | { step: "run"; call: RunningCall }
  | {
      step: "refuse";
      refusal: Exclude<Acceptance, { ok: true }> | { ok: false; code: "session_unknown" | "session_closed" | "facilitator_unavailable" };
    };

/**
 * @param laneId the lane that the voucher names
 * @param amount the most that the call can cost, in atomic units
 */
export function nextStep<Voucher extends LaneVoucher>(
  { standing, leased, now }: View<Voucher>,
  laneId: string,
  voucher: Voucher,
  amount: bigint,
  done: Done,
): VoucherStep {
  if (!standing) return done.asked ? refuse({ ok: false, code: "session_unknown" }) : { step: "ask" };
  if (mustAsk(standing, now / 1000) && !done.asked) return { step: "ask" };
  const problem = problemOf(standing, now / 1000);
  if (problem) return refuse({ ok: false, code: problem });
  if (!done.verified) return { step: "verify" };
  if (laneId === FIRST_LANE) return { step: "object" };
  if (laneId !== leased?.id) return { step: "name_lane" };
  if (now >= leased.usableUntil) return done.renewed ? { step: "name_lane" } : { step: "renew", needed: voucher.maxClaimable };
  const accepted = leased.lane.accept(voucher, amount, leased.limit);
  if (accepted.ok) return { step: "run", call: accepted.call };
  if (accepted.code === "session_exhausted" && !done.renewed) return { step: "renew", needed: voucher.maxClaimable };
  return refuse(accepted);
}

function refuse(refusal: (VoucherStep & { step: "refuse" })["refusal"]): VoucherStep {
  return { step: "refuse", refusal };
}

/** Whether the ledger's word is too old to accept a voucher by it. `now` in unix seconds. */
export function isStale({ at, withdrawDelay }: Standing, now: number): boolean {
  return now - at > freshSeconds(withdrawDelay);
}

/** Why no voucher is accepted by this word of the ledger. The object asks it, too, since a call can be late. `now` in unix seconds. */
export function problemOf(standing: Standing, now: number): "session_closed" | "facilitator_unavailable" | undefined {
  if (standing.status !== "closed" && isStale(standing, now)) return "facilitator_unavailable";
  return isOver(standing, now) ? "session_closed" : undefined;
}

/** Whether no voucher of the session is accepted. */
export function isOver({ status, expiresAt }: Standing, now: number): boolean {
  return status !== "open" || now > expiresAt;
}

/** A ledger that stood still adds that time to a session's end, so the end is asked about, though not by every request. */
function mustAsk(standing: Standing, now: number): boolean {
  if (standing.status === "closed") return false;
  return isStale(standing, now) || (isOver(standing, now) && now - standing.at > SESSION_ASK_SECONDS);
}

/**
 * How long an isolate may use a lane, counted from before it asked, so that no two clocks are compared.
 * @param askedAt milliseconds
 */
export function usableUntil(askedAt: number): number {
  return askedAt + (LANE_SECONDS - LANE_MARGIN_SECONDS) * 1000;
}

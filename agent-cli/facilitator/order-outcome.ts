/** What became of an order that moves money at once, a refund or a transfer: certain, or said not to be. */

import { type ErrorCode, isErrorCode } from "../../shared/errors.ts";
import type { Failure } from "../runtime/outcome.ts";

export type OrderOutcome =
  | { kind: "made" }
  /** It was not made, and never will be. */
  | { kind: "refused"; code: ErrorCode; failure: Failure }
  /** It was not made now. The same order can be made later. */
  | { kind: "open"; failure: Failure }
  /** It may have been made. */
  | { kind: "unknown"; failure: Failure };

/** Codes of a facilitator that has asked no ledger, or of a ledger that did nothing. */
const NOT_NOW: ReadonlySet<ErrorCode> = new Set([
  "insufficient_funds",
  "overloaded",
  "rate_limited",
  "ledger_mismatch",
  "not_found",
  "payment_not_yet_valid",
]);

/** @param final codes that the same order gets whenever it arrives, unless it was made: then its answer comes before each of them */
export function outcomeOf(failure: Failure, final: ReadonlySet<ErrorCode>): OrderOutcome {
  const { code } = failure.error;
  if (!isErrorCode(code)) return { kind: "unknown", failure };
  if (final.has(code)) return { kind: "refused", code, failure };
  return { kind: NOT_NOW.has(code) ? "open" : "unknown", failure };
}

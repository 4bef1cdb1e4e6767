/** Calls to the facilitator and to the merchant's memory, with a time limit. */

import { LATE, withDeadline } from "../../../../shared/deadline.ts";
import { CAPTURE_ATTEMPTS, FACILITATOR_TIMEOUT_SECONDS } from "../../../../shared/limits.ts";
import type { Reservation } from "../../../../shared/settlement/commands.ts";
import type { SettleResponse } from "../../../../shared/x402/x402.ts";
import type { PaidRequest } from "../types.ts";

/** The result, or undefined when the call failed or took too long: what it did is then unknown. */
export async function withTimeout<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    const result = await withDeadline(call, FACILITATOR_TIMEOUT_SECONDS);
    return result === LATE ? undefined : result;
  } catch {
    return undefined;
  }
}

/** Captures, and repeats a call whose answer was lost: capturing twice pays once. undefined: the outcome is unknown. */
export async function capture({ facilitator, presented }: PaidRequest, reservation: Reservation): Promise<SettleResponse | undefined> {
  for (let attempt = 1; attempt <= CAPTURE_ATTEMPTS; attempt++) {
    const receipt = await withTimeout(facilitator.capture(presented, reservation));
    if (receipt) return receipt.errorReason === "settlement_pending" ? undefined : receipt;
  }
  return undefined;
}

/** Calls to the facilitator and to the merchant's memory, with a time limit. */

import { ConfigurationError } from "../../../../shared/configuration-error.ts";
import { LATE, withDeadline } from "../../../../shared/deadline.ts";
import { CAPTURE_ATTEMPTS, FACILITATOR_TIMEOUT_SECONDS } from "../../../../shared/limits.ts";
import type { Reservation } from "../../../../shared/settlement/commands.ts";
import type { SettleResponse } from "../../../../shared/x402/x402.ts";
import type { PaidRequest } from "../types.ts";

/**
 * The result, or undefined when the call failed or took too long: what it did is then unknown.
 * @throws {ConfigurationError} when the call found that the merchant is not set up
 */
export async function withTimeout<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    const result = await withDeadline(call, FACILITATOR_TIMEOUT_SECONDS);
    return result === LATE ? undefined : result;
  } catch (error) {
    if (error instanceof ConfigurationError) throw error;
    return undefined;
  }
}

/** Whether the money moved, as far as the facilitator's answer tells. */
export type Outcome =
  | { kind: "settled"; receipt: SettleResponse }
  /** Final: this attempt moved nothing. */
  | { kind: "refused"; receipt: SettleResponse }
  /** `receipt`: the facilitator's own answer, if there was one. */
  | { kind: "unknown"; receipt?: SettleResponse | undefined };

export function outcomeOf(receipt: SettleResponse | undefined): Outcome {
  if (receipt?.success) return { kind: "settled", receipt };
  return receipt && receipt.errorReason !== "settlement_pending" ? { kind: "refused", receipt } : { kind: "unknown", receipt };
}

/**
 * Captures, and repeats a call whose answer was lost: capturing twice pays once.
 * @param repeated whether an earlier request has tried to capture this reservation
 */
export async function capture(request: PaidRequest, reservation: Reservation, repeated = false): Promise<Outcome> {
  const { facilitator, presented, onMoved } = request;
  let outcome: Outcome = { kind: "unknown" };
  for (let attempt = 1; attempt <= CAPTURE_ATTEMPTS && outcome.kind === "unknown"; attempt++) {
    outcome = outcomeOf(await withTimeout(facilitator.capture(presented, reservation, repeated || attempt > 1)));
  }
  if (outcome.kind === "settled") onMoved?.(request, outcome.receipt);
  return outcome;
}

/** Calls to the facilitator and to the merchant's memory, with a time limit. */

import { ConfigurationError } from "../../../../shared/configuration-error.ts";
import { LATE, withDeadline } from "../../../../shared/deadline.ts";
import { CAPTURE_ATTEMPTS, FACILITATOR_TIMEOUT_SECONDS } from "../../../../shared/limits.ts";
import type { SettleResponse } from "../../../../shared/x402/x402.ts";
import type { Charged, DeliveredHold, PaidRequest } from "../types.ts";

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
export async function capture(request: PaidRequest, { charged, ...reservation }: DeliveredHold, repeated = false): Promise<Outcome> {
  const { facilitator, presented, onMoved } = request;
  const take = (isRepeated: boolean) => facilitator.capture(presented, reservation, isRepeated, charged?.amount);
  let outcome: Outcome = { kind: "unknown" };
  for (let attempt = 1; attempt <= CAPTURE_ATTEMPTS && outcome.kind === "unknown"; attempt++) {
    outcome = outcomeOf(await withTimeout(take(repeated || attempt > 1)));
  }
  if (outcome.kind !== "settled") return outcome;
  const receipt = itemised(outcome.receipt, charged);
  onMoved?.(request, receipt);
  return { kind: "settled", receipt };
}

/** Of two captures the first one stands, so this run's usage belongs to its own charge alone. A facilitator itemises nothing. */
function itemised(receipt: SettleResponse, charged: Charged | undefined): SettleResponse {
  const { usage: _, ...extra } = receipt.extra ?? {};
  const usage = receipt.amount === charged?.amount ? charged?.usage : undefined;
  return usage || receipt.extra ? { ...receipt, extra: { ...extra, ...(usage && { usage }) } } : receipt;
}

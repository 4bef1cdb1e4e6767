/** The facilitator as the paywall sees it, and what happens when it does not answer in time. */
import type { ReleaseResult, Reservation, ReserveResult, SettleResult } from "../../../shared/backend.ts";
import { LATE, withDeadline } from "../../../shared/deadline.ts";
import type { Digest } from "../../../shared/digest.ts";
import type { PaymentRefusal } from "../../../shared/facilitator.ts";
import { FACILITATOR_TIMEOUT_SECONDS } from "../../../shared/limits.ts";
import type { SupportedResponse } from "../../../shared/x402.ts";

export interface PaywallFacilitator {
  supported(traceId: string): Promise<SupportedResponse>;
  reserve(
    payload: unknown,
    requirements: unknown,
    fingerprint: Digest,
    reservationId: Digest,
    traceId: string,
  ): Promise<ReserveResult | PaymentRefusal>;
  capture(reservation: Reservation, traceId: string): Promise<SettleResult>;
  release(reservation: Reservation, traceId: string): Promise<ReleaseResult>;
}

/** An answer, or undefined when the facilitator failed or took too long: then what it did is unknown. */
export async function ask<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    const answer = await withDeadline(call, FACILITATOR_TIMEOUT_SECONDS);
    return answer === LATE ? undefined : answer;
  } catch {
    return undefined;
  }
}

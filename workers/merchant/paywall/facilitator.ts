/** The facilitator as a sale needs it, and what happens when it does not answer in time. */
import type { Reservation } from "../../../shared/settlement/commands.ts";
import type { ReserveResult } from "../../../shared/settlement/backend.ts";
import { LATE, withDeadline } from "../../../shared/deadline.ts";
import type { Digest } from "../../../shared/crypto/digest.ts";
import type { PaymentRefusal } from "../../../shared/protocol/refusal.ts";
import { FACILITATOR_TIMEOUT_SECONDS } from "../../../shared/limits.ts";
import type { SettleResponse, SupportedResponse } from "../../../shared/x402/x402.ts";
import type { Order } from "./order.ts";

export interface PaywallFacilitator {
  /** True when only the merchant's own memory keeps copies of a payment apart. */
  readonly holdsNothing: boolean;
  supported(traceId: string): Promise<SupportedResponse>;
  /** Verifies in full, and keeps every other copy of the payment away while a handler runs. */
  reserve(order: Order, reservationId: Digest): Promise<ReserveResult | PaymentRefusal>;
  /** Moves the money of a reservation, or says again that it was moved. */
  capture(order: Order, reservation: Reservation): Promise<SettleResponse>;
  release(order: Order, reservation: Reservation): Promise<unknown>;
  /** Verifies and moves the money in one step, before the handler runs. `settlementId` serves as reservation id. */
  settle(order: Order, settlementId: Digest): Promise<SettleResponse>;
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

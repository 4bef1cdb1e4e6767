/** Names of version 0.1 that sellers' code may still use. The paywall itself uses the new names only. */

import type { DeliveryState, DeliveryStore, PaywallFacilitator } from "./types.ts";

/** @deprecated Use `DeliveryStore`. */
export type PaymentMemory = DeliveryStore;

/** @deprecated Use `DeliveryState`. */
export type Remembered = DeliveryState;

/** @deprecated Implement `PaywallFacilitator`: set `supportsHolds` instead of `holdsNothing`. */
export interface FacilitatorOf01 extends Omit<PaywallFacilitator, "supportsHolds"> {
  /** The opposite of `supportsHolds`. */
  readonly holdsNothing: boolean;
}

/** A seller's own facilitator, in today's shape. */
export function fromDeprecated(facilitator: PaywallFacilitator | FacilitatorOf01): PaywallFacilitator {
  if (!("holdsNothing" in facilitator)) return facilitator;
  return {
    supportsHolds: !facilitator.holdsNothing,
    supported: (traceId) => facilitator.supported(traceId),
    reserve: (presented, reservationId) => facilitator.reserve(presented, reservationId),
    capture: (presented, reservation, repeated, charge) => facilitator.capture(presented, reservation, repeated, charge),
    release: (presented, reservation) => facilitator.release(presented, reservation),
    settle: (presented, settlementId) => facilitator.settle(presented, settlementId),
  };
}

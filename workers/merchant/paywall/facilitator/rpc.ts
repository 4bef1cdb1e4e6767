/** Our facilitator behind a service binding. It holds the money at the ledger, which keeps copies of a payment apart. */

import { HOLD_SECONDS, MAX_LOGGED_CAUSE_LENGTH } from "../../../../shared/limits.ts";
import type { UnverifiedPayment } from "../../../../shared/settlement/commands.ts";
import { refusedSettlement, settleSuccess } from "../../../../shared/settlement/facilitator.ts";
import { logOnceAMinute } from "../log.ts";
import type { FacilitatorRpc, PaywallFacilitator, PresentedPayment } from "../types.ts";
import { reserveAtEitherVersion, settleAtEitherVersion } from "./rpc-0-1.ts";

export function rpcFacilitator(rpc: FacilitatorRpc): PaywallFacilitator {
  return {
    supportsHolds: true,
    supported: (traceId) =>
      rpc.supported(traceId).catch((error: unknown) => {
        const cause = String(error).slice(0, MAX_LOGGED_CAUSE_LENGTH);
        const remedy = "Check that the service binding FACILITATOR names a deployed facilitator Worker.";
        logOnceAMinute("facilitator.fault", cause, { traceId, kind: "passing", cause, remedy });
        throw error;
      }),
    reserve: (presented, reservationId) =>
      reserveAtEitherVersion(rpc, { payment: unverified(presented), reservationId, holdSeconds: HOLD_SECONDS }, presented.traceId),
    capture: async ({ traceId }, reservation, _repeated, value) => {
      const captured = await rpc.capture({ ...reservation, ...(value !== undefined && { value }) }, traceId);
      return captured.ok ? settleSuccess(captured) : refusedSettlement(captured, reservation.payer);
    },
    release: ({ traceId }, reservation) => rpc.release(reservation, traceId),
    settle: (presented, settlementId) => settleAtEitherVersion(rpc, { payment: unverified(presented), settlementId }, presented.traceId),
    list: (presented) => rpc.list?.(listed(presented), presented.traceId),
  };
}

/**
 * The members that a facilitator verifies. The paywall has compared the accepted terms with the offer, so the offer stands for
 * both: an object that is named twice travels once.
 */
export function unverified({ payment: { x402Version, payload }, offer }: PresentedPayment): UnverifiedPayment {
  return { paymentPayload: { x402Version, accepted: offer, payload }, paymentRequirements: offer };
}

/** The same, and what a catalogue says of the route. */
function listed(presented: PresentedPayment): UnverifiedPayment {
  const { paymentPayload, paymentRequirements } = unverified(presented);
  const { resource, extensions } = presented.payment;
  return { paymentPayload: { ...(paymentPayload as object), resource, extensions }, paymentRequirements };
}

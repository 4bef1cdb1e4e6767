/** Our facilitator behind a service binding. It holds the money at the ledger, which keeps copies of a payment apart. */
import { settleFailure, settleSuccess } from "../../../../shared/settlement/facilitator.ts";
import type { PaymentPayload } from "../../../../shared/x402/x402.ts";
import type { FacilitatorRpc, PaywallFacilitator, PresentedPayment } from "../types.ts";

export function rpcFacilitator(rpc: FacilitatorRpc): PaywallFacilitator {
  return {
    supportsHolds: true,
    supported: (traceId) => rpc.supported(traceId),
    reserve: (presented, id) => rpc.reserve(paymentPayload(presented), presented.offer, presented.fingerprint, id, presented.traceId),
    capture: async ({ traceId }, reservation) => {
      const captured = await rpc.capture(reservation, traceId);
      return captured.ok ? settleSuccess(captured) : settleFailure(captured.code, reservation.payer, captured.transaction);
    },
    release: ({ traceId }, reservation) => rpc.release(reservation, traceId),
    settle: (presented, settlementId) => rpc.settle(paymentPayload(presented), presented.offer, settlementId, presented.traceId),
  };
}

/** The payment as it is sent. `accepted` was compared with the offer, so the offer replaces it: RPC sends one object once. */
function paymentPayload({ payment: { x402Version, payload }, offer }: PresentedPayment): PaymentPayload {
  return { x402Version, accepted: offer, payload };
}

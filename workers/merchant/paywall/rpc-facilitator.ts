/** Our own facilitator behind a service binding. It holds money at the ledger, and the ledger keeps copies away. */
import type { Reservation } from "../../../shared/settlement/commands.ts";
import type { ReleaseResult, ReserveResult, SettleResult } from "../../../shared/settlement/backend.ts";
import type { Digest } from "../../../shared/crypto/digest.ts";
import type { PaymentRefusal } from "../../../shared/protocol/refusal.ts";
import { settleFailure, type Settlement, settleSuccess } from "../../../shared/settlement/facilitator.ts";
import type { PaymentPayload, SupportedResponse } from "../../../shared/x402/x402.ts";
import type { PaywallFacilitator } from "./facilitator.ts";
import type { Order } from "./order.ts";

/** What a merchant calls of the facilitator Worker. */
export interface FacilitatorRpc {
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
  settle(payload: unknown, requirements: unknown, settlementId: Digest, traceId: string): Promise<Settlement>;
}

export function rpcFacilitator(rpc: FacilitatorRpc): PaywallFacilitator {
  return {
    holdsNothing: false,
    supported: (traceId) => rpc.supported(traceId),
    reserve: (order, id) => rpc.reserve(judged(order), order.offer, order.fingerprint, id, order.traceId),
    capture: async ({ traceId }, reservation) => {
      const captured = await rpc.capture(reservation, traceId);
      return captured.ok ? settleSuccess(captured) : settleFailure(captured.code, reservation.payer, captured.transaction);
    },
    release: ({ traceId }, reservation) => rpc.release(reservation, traceId),
    settle: (order, settlementId) => rpc.settle(judged(order), order.offer, settlementId, order.traceId),
  };
}

/**
 * What a facilitator judges of a payment. The terms it accepted were held against the offer, which therefore stands for them: one
 * object that is named twice travels once.
 */
function judged({ payment: { x402Version, payload }, offer }: Order): PaymentPayload {
  return { x402Version, accepted: offer, payload };
}

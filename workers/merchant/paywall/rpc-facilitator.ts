/** Our own facilitator behind a service binding. It holds money at the ledger, and the ledger keeps copies away. */
import { HOLD_SECONDS } from "../../../shared/limits.ts";
import type { PaymentRefusal } from "../../../shared/protocol/refusal.ts";
import type { ReleaseResult, ReserveResult, SettleResult } from "../../../shared/settlement/backend.ts";
import type {
  CaptureCommand,
  ReleaseCommand,
  ReserveCommand,
  SettleCommand,
  UnverifiedPayment,
} from "../../../shared/settlement/commands.ts";
import { settleFailure, type Settlement, settleSuccess } from "../../../shared/settlement/facilitator.ts";
import type { SupportedResponse } from "../../../shared/x402/x402.ts";
import type { PaywallFacilitator } from "./facilitator.ts";
import type { Order } from "./order.ts";
import { reserveAtEitherVersion, settleAtEitherVersion } from "./rpc-0-1.ts";

/** The methods of the facilitator Worker that a merchant calls. */
export interface FacilitatorRpc {
  supported(traceId: string): Promise<SupportedResponse>;
  reserve(command: ReserveCommand<UnverifiedPayment>, traceId: string): Promise<ReserveResult | PaymentRefusal>;
  capture(command: CaptureCommand, traceId: string): Promise<SettleResult>;
  release(command: ReleaseCommand, traceId: string): Promise<ReleaseResult>;
  settle(command: SettleCommand<UnverifiedPayment>, traceId: string): Promise<Settlement>;
}

export function rpcFacilitator(rpc: FacilitatorRpc): PaywallFacilitator {
  return {
    holdsNothing: false,
    supported: (traceId) => rpc.supported(traceId),
    reserve: (order, reservationId) =>
      reserveAtEitherVersion(rpc, { payment: unverified(order), reservationId, holdSeconds: HOLD_SECONDS }, order.traceId),
    capture: async ({ traceId }, reservation) => {
      const captured = await rpc.capture(reservation, traceId);
      return captured.ok ? settleSuccess(captured) : settleFailure(captured.code, reservation.payer, captured.transaction);
    },
    release: ({ traceId }, reservation) => rpc.release(reservation, traceId),
    settle: (order, settlementId) => settleAtEitherVersion(rpc, { payment: unverified(order), settlementId }, order.traceId),
  };
}

/**
 * The members that a facilitator verifies. The paywall has compared the accepted terms with the offer, so the offer stands for
 * both: an object that is named twice travels once.
 */
function unverified({ payment: { x402Version, payload }, offer }: Order): UnverifiedPayment {
  return { paymentPayload: { x402Version, accepted: offer, payload }, paymentRequirements: offer };
}

/**
 * Facilitators of version 0.1, which take the members of a command one by one. Such a facilitator reads a command as a payload,
 * and refuses it as `invalid_payload` before it asks its ledger. The same call goes out again in its shape then; a facilitator of
 * today refuses that a second time. Delete this file when no facilitator of 0.1 is deployed.
 */

import type { PaymentRefusal } from "../../../../shared/protocol/refusal.ts";
import type { ReserveResult } from "../../../../shared/settlement/backend.ts";
import type { ReserveCommand, SettleCommand, UnverifiedPayment } from "../../../../shared/settlement/commands.ts";
import type { Settlement } from "../../../../shared/settlement/facilitator.ts";
import type { FacilitatorRpc } from "../types.ts";

interface OldRpc {
  reserve(
    payload: unknown,
    requirements: unknown,
    fingerprint: string,
    reservationId: string,
    traceId: string,
  ): Promise<ReserveResult | PaymentRefusal>;
  settle(payload: unknown, requirements: unknown, settlementId: string, traceId: string): Promise<Settlement>;
}

export async function reserveAtEitherVersion(
  rpc: FacilitatorRpc,
  command: ReserveCommand<UnverifiedPayment>,
  traceId: string,
): Promise<ReserveResult | PaymentRefusal> {
  const result = await rpc.reserve(command, traceId);
  if (result.ok || result.code !== "invalid_payload") return result;
  const { payment, reservationId } = command;
  // 0.1 stores the fingerprint of the request, and no rule of it reads that. Any digest will do.
  return old(rpc).reserve(payment.paymentPayload, payment.paymentRequirements, reservationId, reservationId, traceId);
}

export async function settleAtEitherVersion(
  rpc: FacilitatorRpc,
  command: SettleCommand<UnverifiedPayment>,
  traceId: string,
): Promise<Settlement> {
  const result = await rpc.settle(command, traceId);
  if (result.success || result.errorReason !== "invalid_payload") return result;
  const { payment, settlementId } = command;
  return old(rpc).settle(payment.paymentPayload, payment.paymentRequirements, settlementId, traceId);
}

function old(rpc: FacilitatorRpc): OldRpc {
  return rpc;
}

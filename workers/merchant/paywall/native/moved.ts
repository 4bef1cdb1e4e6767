/**
 * A facilitator whose word the merchant has: the money has moved. With it a payment is served as at a facilitator that holds nothing: the
 * memory's lease keeps copies apart, and is on disk, with the debt, before the handler runs.
 */

import { HOLD_SECONDS } from "../../../../shared/limits.ts";
import { settleFailure } from "../../../../shared/settlement/facilitator.ts";
import type { SettleResponse } from "../../../../shared/x402/x402.ts";
import { forgetTime } from "../serve/deliver.ts";
import type { PaidRequest, PaymentFacts, PaywallFacilitator } from "../types.ts";

export function movedFacilitator(request: PaidRequest, { key, payer }: PaymentFacts, receipt: SettleResponse): PaywallFacilitator {
  const { network, transaction } = receipt;
  const refused = (code: "payment_in_progress" | "nonce_replayed") => ({
    ...settleFailure(code, payer),
    network,
    ...(code === "nonce_replayed" && { extra: { transaction } }),
  });
  return {
    supportsHolds: false,
    supported: (traceId) => request.facilitator.supported(traceId),
    reserve: async () => ({ ok: false, code: "unsupported_extra" }),
    release: async () => undefined,
    capture: async () => receipt,
    settle: async (_presented, lease) => {
      const begun = await request.deliveries().begin(key, lease, HOLD_SECONDS, { state: "paid", receipt });
      if (!begun.granted) return refused("payment_in_progress");
      const { remembered } = begun;
      if (!remembered || remembered.state === "pending") return receipt;
      // The lease ends, and what is remembered stays: owed goods are taken up after this refusal.
      await request.deliveries().finish(key, lease, remembered, forgetTime(request, remembered));
      return refused("nonce_replayed");
    },
  };
}

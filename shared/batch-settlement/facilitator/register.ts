/** Registers the scheme with an x402Facilitator in one line. */

import type { x402Facilitator } from "@x402/core/facilitator";
import { NETWORK } from "../../lez.ts";
import type { PaymentBackend } from "../../settlement/backend.ts";
import { Facilitator } from "../../settlement/facilitator.ts";
import { BatchSettlementLezScheme } from "./scheme.ts";

/**
 * @param backend keeps sessions; registration asks it once for the id of its ledger
 * @throws {TypeError} if it keeps none
 * @example
 * const facilitator = await registerBatchSettlementLezScheme(new x402Facilitator(), { backend });
 */
export async function registerBatchSettlementLezScheme<Target extends Pick<x402Facilitator, "register">>(
  target: Target,
  { backend }: { backend: PaymentBackend },
): Promise<Target> {
  if (!backend.sessions) throw new TypeError("registerBatchSettlementLezScheme: this backend keeps no sessions");
  const { ledger } = await backend.info();
  target.register(NETWORK, new BatchSettlementLezScheme(new Facilitator(backend, ledger)));
  return target;
}

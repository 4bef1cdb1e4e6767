/** Registers the scheme with an x402Facilitator in one line. */

import type { x402Facilitator } from "@x402/core/facilitator";
import { NETWORK } from "../../lez.ts";
import type { PaymentBackend } from "../../settlement/backend.ts";
import { Facilitator } from "../../settlement/facilitator.ts";
import { ExactLezScheme } from "./scheme.ts";

/**
 * @param backend settles payments; registration asks it once for the id of its ledger
 * @example
 * const facilitator = await registerExactLezScheme(new x402Facilitator(), { backend });
 */
export async function registerExactLezScheme<Target extends Pick<x402Facilitator, "register">>(
  target: Target,
  { backend }: { backend: PaymentBackend },
): Promise<Target> {
  const { ledger } = await backend.info();
  target.register(NETWORK, new ExactLezScheme(new Facilitator(backend, ledger)));
  return target;
}

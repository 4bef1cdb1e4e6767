/** Registers the scheme with an x402Facilitator in one line. */

import type { x402Facilitator } from "@x402/core/facilitator";
import { NETWORK } from "../../lez.ts";
import type { PaymentBackend } from "../../settlement/backend.ts";
import { Facilitator } from "../../settlement/facilitator.ts";
import { UptoLezScheme } from "./scheme.ts";

/**
 * @param backend settles payments; registration asks it once for the id of its ledger
 * @throws {TypeError} if it does not charge less than what was signed
 * @example
 * const facilitator = await registerUptoLezScheme(new x402Facilitator(), { backend });
 */
export async function registerUptoLezScheme<Target extends Pick<x402Facilitator, "register">>(
  target: Target,
  { backend }: { backend: PaymentBackend },
): Promise<Target> {
  if (!backend.upto) throw new TypeError("registerUptoLezScheme: this backend cannot charge less than what was signed");
  const { ledger } = await backend.info();
  target.register(NETWORK, new UptoLezScheme(new Facilitator(backend, ledger)));
  return target;
}

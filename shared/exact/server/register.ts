/** One line for those who set up an x402ResourceServer. */

import type { x402ResourceServer } from "@x402/core/server";
import { NATIVE_NETWORKS, NETWORK } from "../../lez.ts";
import { ExactNativeLezScheme } from "./native-scheme.ts";
import { ExactLezScheme } from "./scheme.ts";

/**
 * Routes may then sell on our ledger, `logos:lez-testnet`, and by transfers on LEZ itself, `lez:testnet` and `lez:devnet`.
 * @example
 * const server = registerExactLezScheme(new x402ResourceServer(new HTTPFacilitatorClient({ url })));
 */
export function registerExactLezScheme<Server extends Pick<x402ResourceServer, "register">>(server: Server): Server {
  server.register(NETWORK, new ExactLezScheme());
  const native = new ExactNativeLezScheme();
  for (const network of NATIVE_NETWORKS) server.register(network, native);
  return server;
}

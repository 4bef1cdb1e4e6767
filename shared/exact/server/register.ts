/** One line for those who set up an x402ResourceServer. */

import type { x402ResourceServer } from "@x402/core/server";
import { NETWORK } from "../../lez.ts";
import { ExactLezScheme } from "./scheme.ts";

/**
 * @example
 * const server = registerExactLezScheme(new x402ResourceServer(new HTTPFacilitatorClient({ url })));
 */
export function registerExactLezScheme<Server extends Pick<x402ResourceServer, "register">>(server: Server): Server {
  server.register(NETWORK, new ExactLezScheme());
  return server;
}

/** One line for those who set up an x402ResourceServer. */

import type { x402ResourceServer } from "@x402/core/server";
import { NETWORK } from "../../lez.ts";
import { UptoLezScheme } from "./scheme.ts";

/**
 * @example
 * const server = registerUptoLezScheme(new x402ResourceServer(new HTTPFacilitatorClient({ url })));
 */
export function registerUptoLezScheme<Server extends Pick<x402ResourceServer, "register">>(server: Server): Server {
  server.register(NETWORK, new UptoLezScheme());
  return server;
}

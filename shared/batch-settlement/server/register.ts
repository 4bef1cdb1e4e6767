/** One line for those who set up an x402ResourceServer. */

import type { x402ResourceServer } from "@x402/core/server";
import { NETWORK } from "../../lez.ts";
import { BatchSettlementLezScheme, type BatchSettlementServerConfig } from "./scheme.ts";

/**
 * @returns the scheme, whose `claimAll` must be called every few minutes
 * @example
 * const facilitator = new HTTPFacilitatorClient({ url });
 * const server = new x402ResourceServer(facilitator);
 * const sessions = registerBatchSettlementLezScheme(server, { origin: "https://shop.example.com", facilitator });
 * setInterval(() => sessions.claimAll(), 300_000);
 */
export function registerBatchSettlementLezScheme(
  server: Pick<x402ResourceServer, "register">,
  config: BatchSettlementServerConfig,
): BatchSettlementLezScheme {
  const scheme = new BatchSettlementLezScheme(config);
  server.register(NETWORK, scheme);
  return scheme;
}

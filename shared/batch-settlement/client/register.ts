/** One line for those who set up an x402Client. */

import type { x402Client } from "@x402/core/client";
import { NETWORK } from "../../lez.ts";
import { type BatchSettlementConfig, BatchSettlementLezScheme } from "./scheme.ts";

/**
 * @example
 * const session = { origin: "https://merchant.example.com", payTo, deposit: "1000", seconds: 3600 };
 * const client = registerBatchSettlementLezScheme(new x402Client(), { signer, agentKey, session });
 */
export function registerBatchSettlementLezScheme<Client extends Pick<x402Client, "register">>(
  client: Client,
  config: BatchSettlementConfig,
): Client {
  client.register(NETWORK, new BatchSettlementLezScheme(config));
  return client;
}

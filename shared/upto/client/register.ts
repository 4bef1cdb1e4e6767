/** One line for those who set up an x402Client. */

import type { x402Client } from "@x402/core/client";
import { type ExactLezClientConfig, registerScheme } from "../../exact/client/register.ts";
import { UptoLezScheme } from "./scheme.ts";

/** As for `exact`. */
export type UptoLezClientConfig = ExactLezClientConfig;

/**
 * @example
 * const client = registerUptoLezScheme(new x402Client(), { signer: await keySigner(secretKey) });
 */
export function registerUptoLezScheme<Client extends Pick<x402Client, "register" | "registerPolicy">>(
  client: Client,
  config: UptoLezClientConfig,
): Client {
  return registerScheme(client, config, (signer) => new UptoLezScheme(signer));
}

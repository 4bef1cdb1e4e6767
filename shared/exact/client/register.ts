/** One line for those who set up an x402Client. */

import type { PaymentPolicy, x402Client } from "@x402/core/client";
import { NETWORK } from "../../lez.ts";
import { ExactLezScheme, type LezScheme, refuseMandate } from "./scheme.ts";
import type { LezSigner } from "./signer.ts";

export interface ExactLezClientConfig {
  /** Signs for the account that pays. */
  signer: LezSigner;
  /** Filters over the offers that a merchant makes, in the order in which they apply. */
  policies?: PaymentPolicy[];
  /** A mandate pays through `mandateFetch` alone. This throws. */
  mandate?: never;
}

/**
 * @example
 * const client = registerExactLezScheme(new x402Client(), { signer: await keySigner(secretKey) });
 * const response = await wrapFetchWithPayment(fetch, client)("https://merchant.example.com/premium");
 */
export function registerExactLezScheme<Client extends Pick<x402Client, "register" | "registerPolicy">>(
  client: Client,
  config: ExactLezClientConfig,
): Client {
  return registerScheme(client, config, (signer) => new ExactLezScheme(signer));
}

export function registerScheme<Client extends Pick<x402Client, "register" | "registerPolicy">>(
  client: Client,
  { signer, policies = [], mandate }: ExactLezClientConfig,
  schemeOf: (signer: LezSigner) => LezScheme,
): Client {
  refuseMandate({ mandate });
  client.register(NETWORK, schemeOf(signer));
  for (const policy of policies) client.registerPolicy(policy);
  return client;
}

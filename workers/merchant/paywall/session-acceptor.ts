/** Where the entry `lez-agent-pay/hono/sessions` puts what accepts vouchers: a Worker that does not import it does not bundle any of it. */

import type { Context } from "hono";
import { ConfigurationError } from "../../../shared/configuration-error.ts";
import type { CheckedOptions } from "./options.ts";
import type { PaidRequest, PaywallEnv, ServeResult } from "./types.ts";

/** What a route with sessions needs of the entry. */
export interface Acceptor {
  /**
   * The merchant's key for claims, which its offers name.
   * @throws {ConfigurationError} if a binding or secret is missing
   */
  receiver(c: Context<PaywallEnv>): Promise<string>;
  /** False if the object's tables are of a newer version: nothing is offered then. */
  canOpen(c: Context<PaywallEnv>): Promise<boolean>;
  /** Serves a payment of scheme `batch-settlement` that fits its offer. */
  serve(request: PaidRequest, options: CheckedOptions): Promise<ServeResult>;
}

let provided: Acceptor | undefined;

export function provideAcceptor(acceptor: Acceptor): void {
  provided = acceptor;
}

/** @throws {ConfigurationError} */
export function requireAcceptor(): Acceptor {
  if (provided) return provided;
  throw new ConfigurationError('session: export { Sessions } from "lez-agent-pay/hono/sessions" in the Worker\'s entry');
}

/** Where the entry `lez-agent-pay/hono/native` puts what sells on the chain itself: a Worker that does not import it does not bundle any of it. */

import type { PaymentPayload } from "../../../shared/x402/x402.ts";
import type { NativeKinds, NativeOfferTerms, PaidRequest, PaymentFacts, PaywallBindings, SubstituteResponse } from "./types.ts";

/** What a route that sells there needs of the entry. */
export interface NativeAcceptor {
  /** @throws {TypeError} for options that could never be paid, or that mean nothing there */
  check(network: string, offer: Readonly<Record<string, unknown>>): NativeOfferTerms;
  /** @throws {ConfigurationError} if the Worker lacks what such a payment needs. @param hasMemory the route has a memory of its own */
  requireSetup(env: PaywallBindings, hasMemory: boolean): void;
  /** What an offer says in `extra` beside its binding; undefined while the facilitator does not offer its network so. */
  extraOf(network: string, terms: NativeOfferTerms, kinds: NativeKinds, amount: string): object | undefined;
  /** undefined if it cannot be such a payment. */
  factsOf(payment: PaymentPayload): PaymentFacts | undefined;
  /**
   * Settles the payment, however often it is presented. Once the money has moved the request goes on, to a facilitator that has nothing
   * left to do.
   */
  settle(request: PaidRequest): Promise<PaidRequest | SubstituteResponse>;
  /** Whether this payment was accepted here before, on terms that have changed since. Then `presented` gets those terms. */
  recall(request: PaidRequest): Promise<boolean>;
}

let provided: NativeAcceptor | undefined;

export function provideNative(acceptor: NativeAcceptor): void {
  provided = acceptor;
}

/** undefined in a Worker without the entry: it has no route that needs it. */
export function nativeAcceptor(): NativeAcceptor | undefined {
  return provided;
}

/** What a route with `refund` needs: the bindings, and what is written down of each payment before its handler runs. */

import type { Context } from "hono";
import { ConfigurationError } from "../../../shared/configuration-error.ts";
import { identifierOf } from "../../../shared/extensions/payment-identifier.ts";
import { MAX_FILE_BYTES, MAX_ROUTE_LENGTH } from "../../../shared/limits.ts";
import { isForRefunds, signedMandateSchema } from "../../../shared/protocol/mandate.ts";
import { parseJson } from "../../../shared/text/json.ts";
import type { CheckedOptions } from "./options.ts";
import { soldRoute } from "./sold-route.ts";
import type { PaidRequest, PaywallBindings, PaywallEnv, PresentedPayment } from "./types.ts";

/** The last REFUND_MANDATE that could be read. */
let readable: string | undefined;

/**
 * Without a mandate the merchant still sells: what it does not deliver is then listed for its seller to refund.
 * @throws {ConfigurationError} if a route wants refunds and cannot keep what it owes, or has a mandate that is none
 */
export function requireRefunds({ DELIVERIES, RECEIPT_KEY, REFUND_MANDATE }: PaywallBindings): void {
  if (!DELIVERIES) throw new ConfigurationError("the option refund needs the Durable Object binding DELIVERIES");
  if (!RECEIPT_KEY) throw new ConfigurationError("the option refund needs the secret RECEIPT_KEY, which signs refunds");
  if (!REFUND_MANDATE || REFUND_MANDATE === readable) return;
  const mandate = parseJson(REFUND_MANDATE, MAX_FILE_BYTES, signedMandateSchema);
  if (!mandate.ok || !isForRefunds(mandate.value.mandate)) {
    const problem = mandate.ok ? "its scheme is not refund" : mandate.problem;
    throw new ConfigurationError(`REFUND_MANDATE must be the content of the file that lez-agent-pay refund grant writes: ${problem}`);
  }
  readable = REFUND_MANDATE;
}

/** undefined: the route gives nothing back, or the payment is not of a scheme that can be. */
export function refundOf(c: Context<PaywallEnv>, presented: PresentedPayment, { refunds }: CheckedOptions): PaidRequest["refund"] {
  // Most routes need none of it, and to read the signed part costs.
  const exact = refunds && presented.exact;
  const { facts } = presented;
  if (!exact || !facts) return undefined;
  const { to, asset, network, ledger } = exact.authorization;
  const { key, transaction, payer, nonce, amount, validAfter } = facts;
  const sent = identifierOf(presented.payment.extensions);
  return {
    seconds: refunds.seconds,
    terms: {
      key,
      transaction,
      payer,
      payee: to,
      nonce,
      amount,
      validAfter,
      asset,
      network,
      ...(ledger !== undefined && { ledger }),
      route: soldRoute(c),
      ...(sent.ok && sent.id !== undefined && { paymentId: sent.id }),
      request: `${c.req.method} ${c.req.path}`.slice(0, MAX_ROUTE_LENGTH).toWellFormed(),
      traceId: presented.traceId,
    },
  };
}

/** Records what became of a payment that was presented. */
import { type Authorization, authorizationDigest, transactionOf } from "../../shared/protocol/authorization.ts";
import { record } from "../records/audit-log.ts";
import { concludePayment, type PaymentConclusion, paymentKey } from "../records/payment-journal.ts";
import { type Context, warn } from "../runtime/context.ts";
import type { HttpRequest } from "../runtime/exchange.ts";

/** The payment journal and the audit log record the same. The answer is here already, so a full disk only causes a warning. */
export async function conclude(
  context: Context,
  request: HttpRequest,
  authorization: Authorization,
  conclusion: PaymentConclusion,
): Promise<void> {
  const event = ({ settled: "settled", refused: "refused", sent: "unknown", unsent: "unsent" } as const)[conclusion.state];
  const facts = {
    ...factsOf(authorization, request),
    ...(conclusion.state === "settled" && { transaction: conclusion.transaction }),
    ...(conclusion.state === "refused" && { code: conclusion.code }),
  };
  for (const written of [await concludePayment(context, paymentKey(authorization), conclusion), await record(context, event, facts)]) {
    if (!written.ok) warn(context, written.error.message);
  }
}

/** A payment's facts in the audit log. */
export function factsOf(authorization: Authorization, { method, url }: { method: string; url: string }): Record<string, string> {
  const { from, to, value, asset, network, ledger, nonce, validBefore, requestDigest } = authorization;
  return {
    ...(requestDigest && { requestDigest }),
    method,
    url,
    from,
    payTo: to,
    amount: value,
    asset,
    network,
    ...(ledger && { ledger }),
    nonce,
    validBefore,
    transactionIfSettled: transactionOf(network, authorizationDigest(authorization)),
  };
}

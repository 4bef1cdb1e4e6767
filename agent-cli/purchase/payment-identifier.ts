/**
 * A payment under an id: a merchant that keeps answers gives the same one again to whoever presents the same payment under
 * the same id. So an answer that was lost on the way is fetched, and not paid for twice.
 */
import { authorizationDigest } from "../../shared/protocol/authorization.ts";
import { utf8 } from "../../shared/crypto/bytes.ts";
import { identifierOf, PAYMENT_IDENTIFIER, withIdentifier } from "../../shared/extensions/payment-identifier.ts";
import { MAX_IDENTIFIER_INFO_BYTES } from "../runtime/limits.ts";
import type { PaymentPayload } from "../../shared/x402/x402.ts";
import type { Context } from "../runtime/context.ts";
import { authorizationOf, findPayment, paymentKey, type Payment } from "../records/payment-journal.ts";
import { findRequest } from "../records/request-store.ts";

/**
 * The payment with its id, where the 402 that led to its request offers to keep answers; else as it is. The id is made from
 * the request: the same in every process and at every try. Nothing else of the 402's extensions is echoed.
 */
export function withId(context: Context, payment: Payment): Payment {
  const { payload, authorization } = payment;
  const { requestDigest } = authorization;
  const stored = requestDigest && !carriesId(payload) ? findRequest(context, requestDigest) : undefined;
  const advertised = stored?.ok ? stored.data.required?.extensions?.[PAYMENT_IDENTIFIER] : undefined;
  if (!requestDigest || typeof advertised !== "object" || advertised === null) return payment;
  const named = withIdentifier(advertised, `pay_${requestDigest}`);
  // It goes into a header and into the journal. Whoever offers more than an honest merchant gets a payment without an id.
  if (utf8(JSON.stringify(named)).length > MAX_IDENTIFIER_INFO_BYTES) return payment;
  return { ...payment, payload: { ...payload, extensions: { ...payload.extensions, [PAYMENT_IDENTIFIER]: named } } };
}

export function carriesId({ extensions }: PaymentPayload): boolean {
  const sent = identifierOf(extensions);
  return sent.ok && sent.id !== undefined;
}

/** The transaction of a payment that somebody said for certain was made: presented again, it can pay nothing more. */
export function paidTransaction(context: Context, { authorization }: Payment): string | undefined {
  const record = findPayment(context, paymentKey(authorization));
  if (!record.ok || record.data?.state !== "settled") return undefined;
  const same = authorizationDigest(authorizationOf(record.data.payload)) === authorizationDigest(authorization);
  return same ? (record.data.transaction ?? "") : undefined;
}

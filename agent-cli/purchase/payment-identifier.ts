/**
 * A payment with an identifier: a merchant that keeps answers repeats its answer to the same payment under the same
 * identifier. An answer that was lost on the way is fetched again, not paid for twice.
 */

import { utf8 } from "../../shared/crypto/bytes.ts";
import { OFFER_RECEIPT } from "../../shared/extensions/offer-receipt.ts";
import { identifierOf, PAYMENT_IDENTIFIER, withIdentifier } from "../../shared/extensions/payment-identifier.ts";
import { authorizationDigest } from "../../shared/protocol/authorization.ts";
import type { PaymentPayload } from "../../shared/x402/x402.ts";
import { authorizationOf, findPayment, paymentKey, type Payment } from "../records/payment-journal.ts";
import { findRequest } from "../records/request-store.ts";
import type { Context } from "../runtime/context.ts";
import { MAX_IDENTIFIER_INFO_BYTES, MAX_SIGNED_OFFERS_BYTES } from "../runtime/limits.ts";

/**
 * Adds what the 402 behind this payment's request is to get back: the identifier if the merchant offers to keep answers, and the offers that
 * it signed, with which it keeps a price that has changed meanwhile. The identifier follows from the request, so every process and every
 * attempt sends the same one. No other extension of the 402 is echoed.
 */
export function withId(context: Context, payment: Payment): Payment {
  const { payload, authorization } = payment;
  const { requestDigest } = authorization;
  const stored = requestDigest && !carriesId(payload) ? findRequest(context, requestDigest) : undefined;
  const advertised = stored?.ok ? stored.data.required?.extensions : undefined;
  if (!requestDigest || !advertised) return payment;
  const keeps = advertised[PAYMENT_IDENTIFIER];
  const echoes = {
    ...echo(OFFER_RECEIPT, advertised[OFFER_RECEIPT], MAX_SIGNED_OFFERS_BYTES),
    ...(isObject(keeps) && echo(PAYMENT_IDENTIFIER, withIdentifier(keeps, `pay_${requestDigest}`), MAX_IDENTIFIER_INFO_BYTES)),
  };
  if (Object.keys(echoes).length === 0) return payment;
  return { ...payment, payload: { ...payload, extensions: { ...payload.extensions, ...echoes } } };
}

/** The echo goes into a header and into the payment journal, so an oversized one is left out. */
function echo(name: string, value: unknown, limit: number): Record<string, unknown> {
  return isObject(value) && utf8(JSON.stringify(value)).length <= limit ? { [name]: value } : {};
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

export function carriesId({ extensions }: PaymentPayload): boolean {
  const sent = identifierOf(extensions);
  return sent.ok && sent.id !== undefined;
}

/** The transaction of a payment that is known to be settled: presenting it again pays nothing more. */
export function paidTransaction(context: Context, { authorization }: Pick<Payment, "authorization">): string | undefined {
  const record = findPayment(context, paymentKey(authorization));
  if (!record.ok || record.data?.state !== "settled") return undefined;
  const same = authorizationDigest(authorizationOf(record.data.payload)) === authorizationDigest(authorization);
  return same ? (record.data.transaction ?? "") : undefined;
}

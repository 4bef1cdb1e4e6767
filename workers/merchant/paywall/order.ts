/** A payment and the request it is presented for, and what can be computed from the two alone. */
import { authorizationDigest, type ExactPayload, exactPayloadSchema, transactionOf } from "../../../shared/protocol/authorization.ts";
import { utf8 } from "../../../shared/crypto/bytes.ts";
import { bodyDigest, canonicalJson, type Digest } from "../../../shared/crypto/digest.ts";
import { type Verification, verifyExact } from "../../../shared/exact/verify.ts";
import { checkShape } from "../../../shared/text/json.ts";
import { unixNow } from "../../../shared/time.ts";
import type { PaymentPayload, PaymentRequirements } from "../../../shared/x402/x402.ts";
import type { Challenge } from "./challenge.ts";

export interface Order {
  payment: PaymentPayload;
  /** What its signed part says, read when it is asked for; undefined when it says nothing that this mechanism knows. */
  readonly exact: ExactPayload | undefined;
  /** What the merchant asks for this request. */
  offer: PaymentRequirements;
  traceId: string;
}

/** Names the signed part of a payment, signature included: who cannot present it cannot name it. */
export function orderKey({ payment }: Order): Digest {
  return bodyDigest(utf8(canonicalJson(payment.payload)));
}

/**
 * Names a payment in the merchant's memory: by what is signed and nothing else. A payer can sign it again, and write more beside it,
 * and it still pays once. Who only knows it could name it too, so this is for payments whose signature was verified.
 */
export function memoryKey(order: Order): Digest {
  return order.exact ? authorizationDigest(order.exact.authorization) : orderKey(order);
}

export function newOrder(payment: PaymentPayload, { offer }: Challenge, traceId: string): Order {
  let exact: ExactPayload | undefined;
  return {
    payment,
    get exact() {
      exact ??= exactPayload(payment);
      return exact;
    },
    offer,
    traceId,
  };
}

function exactPayload({ payload }: PaymentPayload): ExactPayload | undefined {
  const exact = checkShape(payload, exactPayloadSchema);
  return exact.ok ? exact.value : undefined;
}

/**
 * Whether the payer signed this order's payment. That it has expired is no objection here: only who knows what became of it can tell
 * a payment that ran out from one that was paid before it would have.
 */
export function verifyOrder({ payment, offer }: Pick<Order, "payment" | "offer">): Promise<Verification> {
  const ledger = (offer.extra?.["ledger"] ?? "") as Digest;
  return verifyExact(payment, offer, { now: unixNow(), ledger, expiryIsTheLedgers: true });
}

/** The settlement that this payment leads to, whether it has or not. */
export function settlementOf({ authorization }: ExactPayload): Digest {
  return transactionOf(authorization.network, authorizationDigest(authorization));
}

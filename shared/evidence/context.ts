/** What the checks of evidence look at: its members, what follows from them, and what is known of who signed. */

import { canonicalJson } from "../crypto/digest.ts";
import type { MandatedPayment } from "../exact/mandate-checks.ts";
import { offerPayloadSchema, readJws, receiptPayloadSchema } from "../extensions/signed-jws.ts";
import { SCHEME, UPTO } from "../lez.ts";
import { MAX_OFFER_LENGTH } from "../limits.ts";
import { authorizationDigest, transactionOf } from "../protocol/authorization.ts";
import { mandateDigest } from "../protocol/mandate.ts";
import { FACILITATOR_DECIDES } from "../protocol/passkey.ts";
import { requestDigest } from "../protocol/payment-request.ts";
import { accountOf, type KeyProof, type Proof } from "../protocol/proof.ts";
import { parseJson } from "../text/json.ts";
import { paymentRequirementsSchema } from "../x402/x402.ts";
import type { Evidence } from "./evidence.ts";
import type { KnownKeys } from "./keys.ts";

export type EvidenceContext = ReturnType<typeof evidenceContext>;

/** Whether the merchant says that an `upto` cost nothing. Then no money moved, and the ledger has no entry to show. */
export function isUncharged({ payment: { authorization }, receipt }: Pick<Evidence, "payment" | "receipt">): boolean {
  return authorization.scheme === UPTO && receipt !== undefined && readJws(receipt, receiptPayloadSchema)?.payload.amount === "0";
}

/** What a key signed. Where another proof stands, in which no agent's order has its signature: none, which no check takes for one. */
export function signatureOf({ publicKey = "", signature = "" }: Proof): Pick<KeyProof, "publicKey" | "signature"> {
  return { publicKey, signature };
}

export function evidenceContext(evidence: Evidence, keys: KnownKeys) {
  const { request, payment, offer, receipt, ledger, refunds = [] } = evidence;
  const { authorization, mandate, ...proof } = payment;
  const origin = new URL(request.http.url);
  const accepted = parseJson(request.payment.offer, MAX_OFFER_LENGTH, paymentRequirementsSchema);
  const signed = authorizationDigest(authorization);
  const mandated: MandatedPayment | undefined = mandate && {
    order: authorization,
    ...signatureOf(proof),
    signed: mandate,
    digests: { order: signed, mandate: mandateDigest(mandate.mandate) },
    rules: FACILITATOR_DECIDES,
  };
  return {
    request,
    payment,
    /** Whose key signs the payment, for all that its members say. */
    signer: mandate || authorization.mandate ? ("agent" as const) : ("payer" as const),
    /** As it was signed. */
    scheme: authorization.scheme ?? SCHEME,
    mandated,
    offer: offer && { said: readJws(offer, offerPayloadSchema) },
    receipt: receipt && { said: readJws(receipt, receiptPayloadSchema) },
    ledger,
    refunds,
    /** Nothing was charged, and the file has no part of the ledger's, as it must be. */
    withoutDebit: ledger === undefined && isUncharged(evidence),
    keys,
    digest: requestDigest(request),
    /** The offer in the request; undefined where there is none in it. */
    accepted: accepted.ok && canonicalJson(accepted.value) === request.payment.offer ? accepted.value : undefined,
    /** The account that the signatures speak for: that of the proof or, under a mandate, the one that granted it. */
    payer: mandate?.mandate.from ?? accountOf(proof),
    authorizationDigest: signed,
    transaction: transactionOf(authorization.network, signed),
    origin,
    merchantKeys: keys.merchants?.[origin.origin] ?? [],
    /** Unix seconds of the payment's signature, and of the last moment that was signed. */
    from: Number(authorization.validAfter),
    until: Number(authorization.validBefore),
  };
}

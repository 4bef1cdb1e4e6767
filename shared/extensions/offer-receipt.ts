/** The x402 extension `offer-receipt`: terms and receipts that a merchant signs, so that a third party can check them later. */

import { SCHEME, UPTO } from "../lez.ts";
import type { Usage } from "../protocol/usage.ts";
import type { PaymentRequirements, SettleResponse } from "../x402/x402.ts";

export const OFFER_RECEIPT = "offer-receipt";

/** The signed part of an offer. */
export interface OfferPayload {
  version: 1;
  resourceUrl: string;
  scheme: string;
  network: string;
  asset: string;
  payTo: string;
  amount: string;
  /** Unix seconds. */
  validUntil: number;
}

/** The signed part of a receipt: this payer got this resource for that settlement. */
export interface ReceiptPayload {
  version: 1;
  network: string;
  resourceUrl: string;
  payer: string;
  /** Unix seconds. */
  issuedAt: number;
  transaction: string;
  /** Of scheme `upto` alone: what was charged, in atomic units, and for what. */
  amount?: string | undefined;
  usage?: Usage | undefined;
}

/** A compact JWS (EdDSA, `kid` a did:web URL) over the canonical JSON of a payload. */
export interface SignedJws {
  format: "jws";
  signature: string;
}

/** The members of an offer that its signature covers. `maxTimeoutSeconds` and `extra` are not among them. */
export const SIGNED_TERMS = ["scheme", "network", "asset", "payTo", "amount"] as const;

export function offerPayload(
  resourceUrl: string,
  { scheme, network, asset, payTo, amount }: PaymentRequirements,
  validUntil: number,
): OfferPayload {
  return { version: 1, resourceUrl, scheme, network, asset, payTo, amount, validUntil };
}

/** @param scheme of the offer that was paid */
export function receiptPayload(resourceUrl: string, settled: SettleResponse, issuedAt: number, scheme: string = SCHEME): ReceiptPayload {
  const { network, payer, transaction, amount, extra } = settled;
  const payload = { version: 1, network, resourceUrl, payer: payer ?? "", issuedAt, transaction } as const;
  if (scheme !== UPTO) return payload;
  const usage = extra?.["usage"] as Usage | undefined; // the merchant's own
  return { ...payload, ...(amount && { amount }), ...(usage && { usage }) };
}

/** The extension in a PaymentRequired. @param offers in the order of `accepts` */
export function signedOffers(...offers: SignedJws[]) {
  const item = {
    type: "object",
    properties: { format: { const: "jws" }, acceptIndex: { type: "integer" }, signature: { type: "string" } },
  };
  const schema = { type: "object", properties: { offers: { type: "array", items: item } }, required: ["offers"] };
  const indexed = offers.map((offer, acceptIndex) => ({ ...offer, acceptIndex }));
  return { [OFFER_RECEIPT]: { info: { offers: indexed }, schema } };
}

/** The extension in a receipt. */
export function signedReceipt(receipt: SignedJws) {
  return { [OFFER_RECEIPT]: { info: { receipt } } };
}

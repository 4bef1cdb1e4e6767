/** Offers and receipts with the merchant's signature. An offer is signed once per window and then cached. */

import * as z from "zod/mini";
import { canonicalJson } from "../../../../shared/crypto/digest.ts";
import { OFFER_RECEIPT, offerPayload, receiptPayload, signedOffers, signedReceipt } from "../../../../shared/extensions/offer-receipt.ts";
import { offerPayloadSchema, readJws, signedJwsSchema } from "../../../../shared/extensions/signed-jws.ts";
import { MAX_ACCEPTS, OFFER_WINDOW_SECONDS } from "../../../../shared/limits.ts";
import { unixNow } from "../../../../shared/time.ts";
import type { PaymentRequirements, SettleResponse } from "../../../../shared/x402/x402.ts";
import type { Challenge, MerchantSigner, PaidRequest, PresentedPayment } from "../types.ts";
import { encodeTerms } from "./challenge.ts";

const signed = new WeakMap<Challenge, { window: number; challenge: Challenge }>();

/**
 * The same challenge with its offers signed, each valid until the end of the next window. An offer by request is good for its
 * `maxTimeoutSeconds` from now: so long a payment by it is accepted, whatever the price is meanwhile.
 */
export async function signChallenge(challenge: Challenge, signer: MerchantSigner, isByRequest: boolean): Promise<Challenge> {
  const now = unixNow();
  const window = isByRequest ? now : Math.floor(now / OFFER_WINDOW_SECONDS);
  const known = signed.get(challenge);
  if (known?.window === window) return known.challenge;
  const { required, offers } = challenge;
  const sign = (offer: PaymentRequirements) => {
    const validUntil = isByRequest ? now + offer.maxTimeoutSeconds : (window + 2) * OFFER_WINDOW_SECONDS;
    return signer.sign(offerPayload(required.resource.url, offer, validUntil));
  };
  const terms = { ...required, extensions: { ...required.extensions, ...signedOffers(...(await Promise.all(offers.map(sign)))) } };
  const result = { ...challenge, ...encodeTerms(terms) };
  signed.set(challenge, { window, challenge: result });
  return result;
}

const sentOffers = z.looseObject({ info: z.looseObject({ offers: z.array(signedJwsSchema).check(z.maxLength(MAX_ACCEPTS)) }) });

/** Whether a payment carries a signature of this merchant under the offer that it accepted, and the offer is still valid. */
export async function isOwnOffer(
  { payment: { extensions }, offer }: PresentedPayment,
  { required }: Challenge,
  signer: MerchantSigner | undefined,
): Promise<boolean> {
  const sent = z.safeParse(sentOffers, extensions?.[OFFER_RECEIPT]);
  if (!signer || !sent.success) return false;
  for (const jws of sent.data.info.offers) {
    const read = readJws(jws, offerPayloadSchema);
    if (!read || read.payload.validUntil < unixNow()) continue;
    const ours = offerPayload(required.resource.url, offer, read.payload.validUntil);
    if (canonicalJson(read.payload) === canonicalJson(ours) && (await read.isSignedBy(signer.publicKey))) return true;
  }
  return false;
}

/** The receipt with the merchant's signed statement that it delivered. */
export async function signReceipt(
  { challenge, presented, signer }: Pick<PaidRequest, "challenge" | "presented" | "signer">,
  receipt: SettleResponse,
): Promise<SettleResponse> {
  if (!signer) return receipt;
  const jws = await signer.sign(receiptPayload(challenge.required.resource.url, receipt, unixNow(), presented.offer.scheme));
  return { ...receipt, extensions: { ...receipt.extensions, ...signedReceipt(jws) } };
}

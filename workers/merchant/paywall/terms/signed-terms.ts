/** Offers and receipts with the merchant's signature. An offer is signed once per window and then cached. */

import { offerPayload, receiptPayload, signedOffers, signedReceipt } from "../../../../shared/extensions/offer-receipt.ts";
import { OFFER_WINDOW_SECONDS } from "../../../../shared/limits.ts";
import { unixNow } from "../../../../shared/time.ts";
import type { SettleResponse } from "../../../../shared/x402/x402.ts";
import type { Challenge, MerchantSigner } from "../types.ts";
import { encodeTerms } from "./challenge.ts";

const signed = new WeakMap<Challenge, { window: number; challenge: Challenge }>();

/** The same challenge with a signed offer, valid until the end of the next window. */
export async function signChallenge(challenge: Challenge, signer: MerchantSigner): Promise<Challenge> {
  const window = Math.floor(unixNow() / OFFER_WINDOW_SECONDS);
  const known = signed.get(challenge);
  if (known?.window === window) return known.challenge;
  const { required, offer } = challenge;
  const jws = await signer.sign(offerPayload(required.resource.url, offer, (window + 2) * OFFER_WINDOW_SECONDS));
  const terms = { ...required, extensions: { ...required.extensions, ...signedOffers(jws) } };
  const result = { ...challenge, ...encodeTerms(terms) };
  signed.set(challenge, { window, challenge: result });
  return result;
}

/** The receipt with the merchant's signed statement that it delivered. */
export async function signReceipt(
  { required }: Challenge,
  receipt: SettleResponse,
  signer: MerchantSigner | undefined,
): Promise<SettleResponse> {
  if (!signer) return receipt;
  const jws = await signer.sign(receiptPayload(required.resource.url, receipt, unixNow()));
  return { ...receipt, extensions: { ...receipt.extensions, ...signedReceipt(jws) } };
}

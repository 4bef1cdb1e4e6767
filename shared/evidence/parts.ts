/** What a merchant signed, as its x402 messages carry it: the parts of evidence that come from elsewhere. */

import * as z from "zod/mini";
import { nameUnder } from "../extensions/did-web.ts";
import { type OfferPayload, SIGNED_TERMS, type SignedJws } from "../extensions/offer-receipt.ts";
import { jwsSchema, offerPayloadSchema, readJws, signedJwsSchema } from "../extensions/signed-jws.ts";
import { MAX_ACCEPTS } from "../limits.ts";
import type { PaymentRequired, PaymentRequirements, SettleResponse } from "../x402/x402.ts";

const OFFER_RECEIPT = "offer-receipt";
const offersSchema = z.looseObject({ info: z.looseObject({ offers: z.array(z.unknown()).check(z.maxLength(MAX_ACCEPTS)) }) });
const receiptSchema = z.looseObject({ info: z.looseObject({ receipt: signedJwsSchema }) });

/**
 * The offer in a 402 that is this one, signed in the name of the host that was asked: found by what it says, since an index is
 * under no signature. Of several it is one that a known key signed, whatever else stands before it.
 * @param asked the address that it is for
 * @param keys of the merchant, 64 hex digits each
 */
export async function signedOfferOf(
  { extensions }: PaymentRequired,
  offer: PaymentRequirements,
  asked: URL,
  keys: readonly string[],
): Promise<SignedJws | undefined> {
  const found = offersSchema.safeParse(extensions?.[OFFER_RECEIPT]);
  const candidates = (found.data?.info.offers ?? []).flatMap((item) => {
    const jws = jwsOf(item);
    const said = jws && readJws(jws, offerPayloadSchema);
    return jws && said && nameUnder(asked.host, said.kid) && isAbout(said.payload, offer, asked) ? [{ jws, said }] : [];
  });
  for (const { jws, said } of candidates) for (const key of keys) if (await said.isSignedBy(key)) return jws;
  return candidates[0]?.jws;
}

/** The signed receipt in the answer to a payment. */
export function signedReceiptOf({ extensions }: SettleResponse): SignedJws | undefined {
  return jwsOf(receiptSchema.safeParse(extensions?.[OFFER_RECEIPT]).data?.info.receipt);
}

function isAbout(said: OfferPayload, offer: PaymentRequirements, asked: URL): boolean {
  return isResource(said.resourceUrl, asked) && SIGNED_TERMS.every((member) => said[member] === offer[member]);
}

/** A merchant may bind an offer to its route, whatever the query. */
export function isResource(url: string, asked: URL): boolean {
  return url === asked.href || url === asked.href.replace(/\?.*$/, "");
}

/** In the shape in which a file of evidence has it, and without whatever else stood beside it. */
function jwsOf(value: unknown): SignedJws | undefined {
  const stated = signedJwsSchema.safeParse(value).data;
  return stated && jwsSchema.safeParse({ format: stated.format, signature: stated.signature }).data;
}

/** What a merchant signed, as its x402 messages carry it: the parts of evidence that come from elsewhere. */
import * as z from "zod/mini";
import { offerPayloadSchema, readJws, signedJwsSchema } from "../extensions/signed-jws.ts";
import type { SignedJws } from "../extensions/offer-receipt.ts";
import type { PaymentRequired, PaymentRequirements, SettleResponse } from "../x402.ts";

const OFFER_RECEIPT = "offer-receipt";
const offersSchema = z.looseObject({ info: z.looseObject({ offers: z.array(z.unknown()) }) });
const receiptSchema = z.looseObject({ info: z.looseObject({ receipt: signedJwsSchema }) });

/** The signed offer in a 402 that is this one: found by what it says, since an index is under no signature. */
export function signedOfferOf({ extensions }: PaymentRequired, offer: PaymentRequirements): SignedJws | undefined {
  const found = offersSchema.safeParse(extensions?.[OFFER_RECEIPT]);
  return (found.data?.info.offers ?? []).map(jwsOf).find((jws) => {
    const said = jws && readJws(jws, offerPayloadSchema)?.payload;
    return said && SIGNED_TERMS.every((member) => said[member] === offer[member]);
  });
}

/** The signed receipt in the answer to a payment. */
export function signedReceiptOf({ extensions }: SettleResponse): SignedJws | undefined {
  return jwsOf(receiptSchema.safeParse(extensions?.[OFFER_RECEIPT]).data?.info.receipt);
}

/** The members of an offer that its signature covers. `maxTimeoutSeconds` and `extra` are not among them. */
export const SIGNED_TERMS = ["scheme", "network", "asset", "payTo", "amount"] as const;

function jwsOf(value: unknown): SignedJws | undefined {
  const jws = signedJwsSchema.safeParse(value);
  return jws.success ? { format: "jws", signature: jws.data.signature } : undefined;
}

/** The last check before a signed payment leaves: it is what the owner saw. */

import { canonicalJson, type Digest } from "../../shared/crypto/digest.ts";
import { verifyPayment } from "../../shared/exact/verify.ts";
import type { Scheme } from "../../shared/lez.ts";
import { type Authorization, exactPayloadSchema } from "../../shared/protocol/authorization.ts";
import type { PaymentPayload, PaymentRequirements } from "../../shared/x402/x402.ts";

/** Checks the signed payload itself: same terms, same validity, a good signature. Only the clock may have moved on. */
export async function isWhatWasShown(payload: PaymentPayload, shown: Authorization, offer: PaymentRequirements): Promise<boolean> {
  const signed = exactPayloadSchema.parse(payload.payload).authorization;
  const context = { now: Number(signed.validAfter), ledger: signed.ledger ?? ("" as Digest) };
  const verified = await verifyPayment(payload, offer, context, offer.scheme as Scheme);
  return verified.ok && clockless(signed) === clockless(shown);
}

/** The Authorization with the length of its validity in place of start and end. */
function clockless({ validAfter, validBefore, ...terms }: Authorization): string {
  return canonicalJson({ ...terms, seconds: String(Number(validBefore) - Number(validAfter)) });
}

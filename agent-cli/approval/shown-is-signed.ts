/** The last check before a signed payment leaves: it is what the owner saw. */

import { canonicalJson, type Digest } from "../../shared/crypto/digest.ts";
import { verifyPayment } from "../../shared/exact/verify.ts";
import type { Scheme } from "../../shared/lez.ts";
import type { Authorization } from "../../shared/protocol/authorization.ts";
import { exactPayloadSchema } from "../../shared/protocol/exact-payload.ts";
import { FACILITATOR_DECIDES } from "../../shared/protocol/passkey.ts";
import { verifyProof } from "../../shared/protocol/proof.ts";
import { type Session, sessionId, signedSessionSchema } from "../../shared/protocol/session.ts";
import type { ToSign } from "../../shared/protocol/what-is-signed.ts";
import type { PaymentPayload, PaymentRequirements } from "../../shared/x402/x402.ts";

/** Checks the signed payload itself: same terms, same validity, a good signature. Only the clock may have moved on. */
export async function isWhatWasShown(payload: PaymentPayload, shown: Authorization, offer: PaymentRequirements): Promise<boolean> {
  const signed = exactPayloadSchema.parse(payload.payload).authorization;
  const context = { now: Number(signed.validAfter), ledger: signed.ledger ?? ("" as Digest), ...FACILITATOR_DECIDES };
  const verified = await verifyPayment(payload, offer, context, offer.scheme as Scheme);
  return verified.ok && clockless(signed) === clockless(shown);
}

/** The same of a session: its ends are as far apart as those that were shown. */
export async function isSessionThatWasShown({ payload }: PaymentPayload, shown: Session): Promise<boolean> {
  const { type: _, ...deposit } = payload;
  const { channelConfig: signed, ...proof } = signedSessionSchema.parse(deposit);
  const proved = await verifyProof(proof, { type: "Session", digest: sessionId(signed), account: signed.from }, FACILITATOR_DECIDES);
  return proved.ok && timeless(signed) === timeless(shown);
}

/** Whether two objects say the same for the same length of time. */
export function isSameButForClock(made: ToSign, shown: ToSign): boolean {
  if (made.session && shown.session) return timeless(made.session) === timeless(shown.session);
  return !made.session && !shown.session && clockless(made.authorization) === clockless(shown.authorization);
}

function timeless({ validAfter, validBefore, expiresAt, ...terms }: Session): string {
  const opens = String(Number(validBefore) - Number(validAfter));
  return canonicalJson({ ...terms, opens, lasts: String(Number(expiresAt) - Number(validAfter)) });
}

/** The Authorization with the length of its validity in place of start and end. */
function clockless({ validAfter, validBefore, ...terms }: Authorization): string {
  return canonicalJson({ ...terms, seconds: String(Number(validBefore) - Number(validAfter)) });
}

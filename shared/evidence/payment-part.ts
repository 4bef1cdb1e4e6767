/** The part of evidence that the payer signed. */

import * as z from "zod/mini";
import { type Authorization, authorizationSchema } from "../protocol/authorization.ts";
import { type SignedMandate, signedMandateSchema } from "../protocol/mandate.ts";
import { eitherProof, proofMembers } from "../protocol/proof.ts";

/**
 * What the payer signed, or its agent under a mandate, which then stands beside it. The offer that it accepts is the request's.
 * A mandate that is missing or too much is for the checks: they name the member that was changed.
 */
export const paymentMembers = { authorization: authorizationSchema, ...proofMembers, mandate: z.optional(signedMandateSchema) };

export interface PaymentPart {
  authorization: Authorization;
  mandate?: SignedMandate | undefined;
}

/** Of a payload that has more members, those that belong into evidence. */
export const evidencePaymentSchema = eitherProof<PaymentPart>(z.object(paymentMembers));

/** The parts of evidence that payer and merchant signed. */

import * as z from "zod/mini";
import { MAX_HEADER_BYTES } from "../limits.ts";
import { type Authorization, authorizationSchema } from "../protocol/authorization.ts";
import { type SignedMandate, signedMandateSchema } from "../protocol/mandate.ts";
import { eitherProof, proofMembers } from "../protocol/proof.ts";

/** A merchant's signature with what it is under; signed-jws.ts reads it. */
export const jwsSchema = z.strictObject({
  format: z.literal("jws"),
  signature: z
    .string()
    .check(z.maxLength(MAX_HEADER_BYTES), z.regex(/^[\w-]+\.[\w-]+\.[\w-]+$/, "must be three parts of base64url with points between")),
});

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

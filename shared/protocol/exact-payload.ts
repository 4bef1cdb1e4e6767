/** What a payment carries of the schemes `exact` and `upto`: the Authorization and its proof. spec/protocol.md §4. */

import * as z from "zod/mini";
import { authorizationSchema } from "./authorization.ts";
import { payloadWithProof } from "./proof.ts";

/** `PaymentPayload.payload` on LEZ, of both schemes. */
export const exactPayloadSchema = payloadWithProof({
  authorization: authorizationSchema,
  /** A SignedMandate, exactly if the authorization names one. Verification judges it, of any shape. */
  mandate: z.optional(z.unknown()),
});
export type ExactPayload = z.infer<typeof exactPayloadSchema>;

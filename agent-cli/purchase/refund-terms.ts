/** What a seller says of refunds, in the data of a command. */

import * as z from "zod";
import { refundTermsOf } from "../../shared/extensions/refund-terms.ts";
import { refundTermsText } from "../../shared/screen/refund-terms.ts";
import type { PaymentRequired } from "../../shared/x402/x402.ts";
import { untrusted, untrustedSchema } from "./views.ts";

export const refundTermsSchema = z.strictObject({
  /** Whose word it is. */
  by: z.literal("seller"),
  /** Seconds after the payment; 0: none. */
  windowSeconds: z.number(),
  partial: z.boolean(),
  endpoint: untrustedSchema,
  policyUrl: untrustedSchema.optional(),
  says: z.string(),
});

/** Empty if the seller says nothing of refunds, or not in the extension's shape. */
export function refundTermsView({ extensions }: Pick<PaymentRequired, "extensions">): { refunds?: z.infer<typeof refundTermsSchema> } {
  const terms = refundTermsOf(extensions);
  if (!terms) return {};
  const { windowSeconds, partialRefunds: partial, refundEndpoint, policyUrl } = terms;
  const addresses = { endpoint: untrusted(refundEndpoint), ...(policyUrl !== undefined && { policyUrl: untrusted(policyUrl) }) };
  return { refunds: { by: "seller", windowSeconds, partial, ...addresses, says: refundTermsText(terms) } };
}

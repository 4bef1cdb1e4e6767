/** Reads the x402 extension `refund`, strictly: terms in another shape are no terms. */

import * as z from "zod/mini";
import { isRefundAddress, REFUND, type RefundTerms } from "./refund.ts";

const address = z.string().check(z.refine(isRefundAddress));
const termsSchema = z.looseObject({
  info: z.looseObject({
    refundEndpoint: address,
    windowSeconds: z.int().check(z.nonnegative()),
    partialRefunds: z.boolean(),
    policyUrl: z.optional(address),
  }),
});

/** What the seller says; undefined if it says nothing, or not what the proposal has. */
export function refundTermsOf(extensions: Record<string, unknown> | null | undefined): RefundTerms | undefined {
  const said = z.safeParse(termsSchema, extensions?.[REFUND]);
  if (!said.success) return undefined;
  const { refundEndpoint, windowSeconds, partialRefunds, policyUrl } = said.data.info;
  return { refundEndpoint, windowSeconds, partialRefunds, ...(policyUrl !== undefined && { policyUrl }) };
}

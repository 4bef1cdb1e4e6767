/** What a seller says of refunds, in words that leave it the seller's. */

import { refundTermsOf } from "../extensions/refund-terms.ts";
import type { RefundTerms } from "../extensions/refund.ts";
import { duration } from "./duration.ts";

export function refundTermsText({ windowSeconds, partialRefunds }: Pick<RefundTerms, "windowSeconds" | "partialRefunds">): string {
  if (windowSeconds === 0) return "the seller says that it gives nothing back";
  const parts = partialRefunds ? "also in part" : "whole only";
  return `the seller says that refunds are possible within ${duration(windowSeconds)}, ${parts}; nothing holds it to that`;
}

/** Undefined if the seller says nothing of refunds. */
export function refundTextOf(extensions: Record<string, unknown> | null | undefined): string | undefined {
  const terms = refundTermsOf(extensions);
  return terms && refundTermsText(terms);
}

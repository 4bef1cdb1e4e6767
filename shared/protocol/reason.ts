/** The reason an agent gives its owner, and its minimum length. */

import * as z from "zod/mini";
import { MAX_MIN_REASON_LENGTH, MAX_REASON_LENGTH, MIN_REASON_LENGTH } from "../limits.ts";
import { BLANK, humanText } from "../text/text.ts";

export const reasonSchema = humanText(MAX_REASON_LENGTH).check(
  z.refine((text) => meaningfulLength(text) >= MIN_REASON_LENGTH, `must say why in at least ${MIN_REASON_LENGTH} visible characters`),
);

/** Letters, numbers, punctuation and symbols: characters that a person can see. */
export function meaningfulLength(text: string): number {
  const visible = text.match(/[\p{L}\p{N}\p{P}\p{S}]/gu) ?? [];
  return visible.filter((char) => !BLANK.test(char)).length;
}

/** The minimum that an owner may configure, between the protocol's and Stripe's. */
export function isReasonMinimum(value: number): boolean {
  return Number.isInteger(value) && value >= MIN_REASON_LENGTH && value <= MAX_MIN_REASON_LENGTH;
}

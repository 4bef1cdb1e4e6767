/** Schema of whole numbers as protocol objects write them: decimal strings with one spelling each. */

import * as z from "zod/mini";

/** @param max at most Number.MAX_SAFE_INTEGER */
export function wholeText(min: number, max: number) {
  const fits = (text: string) => /^(0|[1-9][0-9]{0,15})$/.test(text) && Number(text) >= min && Number(text) <= max;
  return z.string().check(z.refine(fits, `must be a whole number from ${min} to ${max}, as a decimal string`));
}

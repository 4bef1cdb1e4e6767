/** Schema of counts and unix seconds as JavaScript numbers: whole, exact, not negative. */

import * as z from "zod/mini";

export function wholeNumber(max: number = Number.MAX_SAFE_INTEGER) {
  const isOne = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) <= max;
  return z.custom<number>(isOne, `must be a whole number from 0 to ${max}`);
}

/** How money appears in the data of every command. */

import * as z from "zod";
import { type Amount, displayAmount, isAmount, parseAmount } from "../../shared/protocol/amount.ts";

/** An amount that a person wrote; its output is atomic units. */
export const writtenAmountSchema = z
  .string()
  .overwrite((text) => parseAmount(text) ?? text)
  .refine((text): text is Amount => isAmount(text), "must be atomic units, as in 1500000000, or LGO with at most 9 decimals, as in 1.5LGO");

export const moneySchema = z.strictObject({
  /** Atomic units. */
  amount: z.string(),
  asset: z.string(),
  display: z.string(),
});
export type Money = z.infer<typeof moneySchema>;

export function money(amount: string, asset: string): Money {
  return { amount, asset, display: displayAmount(amount) };
}

/** How money appears in the data of every command. */
import * as z from "zod";
import { displayAmount } from "../../shared/protocol/amount.ts";

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

/** How money appears in the data of every command. */

import * as z from "zod";
import { UPTO } from "../../shared/lez.ts";
import { type Amount, isAmount, parseAmount } from "../../shared/protocol/amount.ts";
import { priceText } from "../../shared/protocol/offer.ts";
import type { PaymentRequirements } from "../../shared/x402/x402.ts";

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
  /** Of scheme `upto`: what is charged may be less. */
  atMost: z.literal(true).optional(),
});
export type Money = z.infer<typeof moneySchema>;

/** What an offer, or a request for it, costs. */
export function price(terms: Pick<PaymentRequirements, "scheme" | "amount" | "asset">): Money {
  const { amount, asset, scheme } = terms;
  return { amount, asset, display: priceText(terms), ...(scheme === UPTO && { atMost: true as const }) };
}

/** Amounts as the page gets them. */

import type { Money } from "../../shared/desk/api.ts";
import { ASSET } from "../../shared/lez.ts";
import { displayAmount } from "../../shared/protocol/amount.ts";
import { priceText } from "../../shared/protocol/offer.ts";
import type { PaymentRequest } from "../../shared/protocol/payment-request.ts";

/** @param units atomic units */
export function money(units: string | bigint, asset: string = ASSET): Money {
  return { amount: units.toString(), asset, display: displayAmount(units) };
}

export function priceOf({ payment }: PaymentRequest): Money {
  return { amount: payment.amount, asset: payment.asset, display: priceText(payment) };
}

export function sumOf(parts: readonly { amount: string }[]): Money {
  return money(parts.reduce((sum, { amount }) => sum + BigInt(amount), 0n));
}

/** Amounts as the page gets them. */

import { ASSET } from "../../shared/lez.ts";
import { priceText } from "../../shared/protocol/offer.ts";
import type { PaymentRequest } from "../../shared/protocol/payment-request.ts";
import { type Money, money } from "../../shared/screen/money.ts";

export function priceOf({ payment }: PaymentRequest): Money {
  return { amount: payment.amount, asset: payment.asset, display: priceText(payment) };
}

export function sumOf(parts: readonly { amount: string }[]): Money {
  return money(
    parts.reduce((sum, { amount }) => sum + BigInt(amount), 0n),
    ASSET,
  );
}

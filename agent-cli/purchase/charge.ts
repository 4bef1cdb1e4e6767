/** What a merchant says that a payment of scheme `upto` cost, and whether that fits what was signed and offered. */

import * as z from "zod";
import { canonicalJson } from "../../shared/crypto/digest.ts";
import { signedReceiptOf } from "../../shared/evidence/parts.ts";
import { readJws, receiptPayloadSchema } from "../../shared/extensions/signed-jws.ts";
import { UPTO } from "../../shared/lez.ts";
import { MAX_FOREIGN_HEADER_BYTES } from "../../shared/limits.ts";
import { displayAmount } from "../../shared/protocol/amount.ts";
import { type Usage, usageProblem, usageSchema } from "../../shared/protocol/usage.ts";
import { money } from "../../shared/screen/money.ts";
import { decodeHeader, PAYMENT_RESPONSE } from "../../shared/x402/headers.ts";
import { type SettleResponse, settleResponseSchema } from "../../shared/x402/x402.ts";
import type { Payment } from "../records/payment-journal.ts";
import { field, type Layout, wrap } from "../runtime/layout.ts";
import { moneySchema } from "../runtime/money.ts";

export const chargeSchema = z.strictObject({
  /** The most that was signed. What was not charged is free again. */
  most: moneySchema,
  /** As the merchant counted it. Absent if it named none, or none that can be read. */
  usage: z.array(z.strictObject({ unit: z.string(), quantity: z.string(), price: moneySchema })).optional(),
  /** Whether the receipt is signed, charge and usage included. `receipt show` checks by whom. */
  signed: z.boolean(),
  /** What does not fit: the charge is then not to be believed. Empty if all of it fits. */
  problems: z.array(z.string()),
});
export type ChargeView = z.infer<typeof chargeSchema>;

/** @returns undefined for a payment of another scheme */
export function chargeOf(
  { payload: { accepted }, authorization }: Pick<Payment, "payload" | "authorization">,
  headers: Record<string, string>,
): ChargeView | undefined {
  const { scheme, value, asset } = authorization;
  if (scheme !== UPTO) return undefined;
  const read = decodeHeader(headers[PAYMENT_RESPONSE.toLowerCase()] ?? "", settleResponseSchema, MAX_FOREIGN_HEADER_BYTES);
  const stated: SettleResponse | undefined = read.ok ? read.value : undefined;
  const usage = usageSchema.safeParse(stated?.extra?.["usage"]).data;
  const jws = stated && signedReceiptOf(stated);
  return {
    most: money(value, asset),
    ...(usage && { usage: usage.map(({ unit, quantity, price }) => ({ unit, quantity, price: money(price, asset) })) }),
    signed: jws !== undefined,
    problems: stated ? problemsOf(stated, usage, jws && readJws(jws, receiptPayloadSchema)?.payload, accepted) : [],
  };
}

function problemsOf(
  { amount, extra }: SettleResponse,
  usage: Usage | undefined,
  said: { amount?: string | undefined; usage?: Usage | undefined } | undefined,
  offer: Payment["payload"]["accepted"],
): string[] {
  if (!amount) return ["the receipt does not say what was charged"];
  const unread = usage === undefined && extra?.["usage"] !== undefined;
  const unsaid = usage === undefined && !unread && offer.extra?.["unitPrice"] !== undefined;
  const other = said && (said.amount !== amount || canonicalJson(said.usage ?? []) !== canonicalJson(usage ?? []));
  return [
    usage && usageProblem(usage, amount, offer),
    unread && "the usage in the receipt cannot be read",
    unsaid && "the offer names the price of a unit, and the receipt no usage",
    other && "the signed receipt says another charge or usage than the answer",
  ].filter((found) => typeof found === "string");
}

export function chargeLines({ most, usage = [], signed, problems }: ChargeView, layout: Layout): string[] {
  return [
    ...field(layout, "of at most", `${most.display}; what was not charged is free again`),
    ...usage.flatMap(({ unit, quantity, price }, i) =>
      field(
        layout,
        i === 0 ? "usage" : "",
        `${quantity} ${unit} at ${displayAmount(price.amount)}, as the merchant counts${signed ? "" : ", unsigned"}`,
      ),
    ),
    ...problems
      .flatMap((problem) => wrap(`! The charge does not fit: ${problem}.`, layout.width))
      .map((line) => layout.ink("yellow", line)),
  ];
}

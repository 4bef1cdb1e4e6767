/** The itemised usage of a payment of scheme `upto`: what was used, and what one of it costs. spec/scheme_upto_lez.md. */

import * as z from "zod/mini";
import { MAX_UNIT_LENGTH, MAX_USAGE_LINES } from "../limits.ts";
import type { PaymentRequirements } from "../x402/x402.ts";
import { chargeSchema, isAmount } from "./amount.ts";

/** What is counted: `token`, `1k words`. ASCII, because it is shown beside sums. */
export const unitSchema = z
  .string()
  .check(
    z.maxLength(MAX_UNIT_LENGTH),
    z.regex(/^[a-zA-Z0-9]+(?:[ ._/-][a-zA-Z0-9]+)*$/, "must be ASCII letters and digits, with single spaces or . _ / - between"),
  );

export interface UsageLine {
  unit: string;
  /** A whole number, as a decimal string. */
  quantity: string;
  /** Atomic units for one, as a decimal string. */
  price: string;
}
export type Usage = UsageLine[];

const lineSchema: z.ZodMiniType<UsageLine> = z.strictObject({
  unit: unitSchema,
  quantity: z.string().check(z.regex(/^(0|[1-9][0-9]{0,20})$/, "must be a whole number of at most 21 digits, as a decimal string")),
  price: chargeSchema,
});

export const usageSchema = z.array(lineSchema).check(z.minLength(1), z.maxLength(MAX_USAGE_LINES));

/** Whether an offer of `upto` says what one unit costs in a form that can be compared, or says nothing of it. */
export function isUnitPrice({ unit, unitPrice }: Record<string, unknown>): boolean {
  return (unit ?? unitPrice ?? undefined) === undefined || (z.safeParse(unitSchema, unit).success && isAmount(unitPrice));
}

/** Atomic units. */
export function sumOf(usage: readonly UsageLine[]): bigint {
  return usage.reduce((sum, { quantity, price }) => sum + BigInt(quantity) * BigInt(price), 0n);
}

/** Why this usage does not come to what was charged, at the price that was offered; undefined if it does. */
export function usageProblem(
  usage: readonly UsageLine[],
  charged: string,
  { extra }: Pick<PaymentRequirements, "extra">,
): string | undefined {
  const sum = sumOf(usage);
  if (sum !== BigInt(charged)) return `the usage comes to ${sum}, charged is ${charged}`;
  const { unit, unitPrice } = extra ?? {};
  if (typeof unit !== "string") return undefined;
  const other = usage.find((line) => line.unit !== unit || line.price !== unitPrice);
  return other && `the usage names ${other.price} per ${other.unit}, the offer ${String(unitPrice)} per ${unit}`;
}

/**
 * The `upto` mechanism on LEZ: the payer signs the most that may be charged, and the merchant charges what was used. A payment is verified
 * like one of `exact`; spec/scheme_upto_lez.md.
 */

import * as z from "zod/mini";
import { type Verification, type VerifyContext, verifyPayment } from "../exact/verify.ts";
import { UPTO } from "../lez.ts";
import { type Charge, chargeSchema } from "../protocol/amount.ts";
import { type Parsed, checkShape } from "../text/json.ts";
import { namedScheme } from "../x402/x402.ts";

/** @param requirements the offer; its amount is the most that may be charged */
export function verifyUpto(payload: unknown, requirements: unknown, context: VerifyContext): Promise<Verification> {
  return verifyPayment(payload, requirements, context, UPTO);
}

export function isUpto(requirements: unknown): boolean {
  return namedScheme(requirements) === UPTO;
}

const settleSchema = z.looseObject({ amount: chargeSchema });
const acceptedSchema = z.looseObject({ accepted: z.looseObject({ amount: z.string() }) });

/**
 * At /settle the amount of the requirements is what is charged; everything else is the offer.
 * @returns the charge, and the offer as the payload accepted it
 */
export function splitCharge(payload: unknown, requirements: unknown): Parsed<{ value: Charge; offer: unknown }> {
  const asked = checkShape(requirements, settleSchema);
  if (!asked.ok) return { ...asked, problem: `paymentRequirements.${asked.problem}` };
  const accepted = checkShape(payload, acceptedSchema);
  const amount = accepted.ok ? accepted.value.accepted.amount : undefined; // verification says what is wrong with the payload
  return { ok: true, value: { value: asked.value.amount, offer: { ...asked.value, amount } } };
}

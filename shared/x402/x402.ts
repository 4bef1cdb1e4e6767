/**
 * The objects of x402 version 2 as they cross the wire: PaymentRequired, PaymentPayload, SettleResponse and the rest.
 * Unknown members are kept and ignored, and null counts as absent, as the x402 specification asks.
 */

import * as z from "zod/mini";
import { X402_VERSION } from "../lez.ts";
import { MAX_ACCEPTS, MAX_URL_LENGTH } from "../limits.ts";

const text = z.string().check(z.maxLength(MAX_URL_LENGTH));
const record = z.looseObject({});

/** One entry of `accepts`: the seller's terms on one network under one scheme. */
export const paymentRequirementsSchema = z.looseObject({
  scheme: text,
  network: text,
  /** Atomic units, decimal string. */
  amount: text,
  asset: text,
  payTo: text,
  /** Seconds from the payer's signature to the paid request. */
  maxTimeoutSeconds: z.number().check(z.positive()),
  extra: z.optional(z.nullable(record)),
});
export type PaymentRequirements = z.infer<typeof paymentRequirementsSchema>;

export const resourceInfoSchema = z.looseObject({
  url: text.check(z.minLength(1)),
  description: z.optional(z.nullable(z.string())),
  mimeType: z.optional(z.nullable(z.string())),
});

/** The terms: value of the PAYMENT-REQUIRED header. */
export const paymentRequiredSchema = z.looseObject({
  x402Version: z.literal(X402_VERSION),
  error: z.optional(z.nullable(z.string())),
  resource: resourceInfoSchema,
  accepts: z.array(paymentRequirementsSchema).check(z.minLength(1), z.maxLength(MAX_ACCEPTS)),
  extensions: z.optional(z.nullable(record)),
});
export type PaymentRequired = z.infer<typeof paymentRequiredSchema>;

/** The payment: value of the PAYMENT-SIGNATURE header. `payload` belongs to the scheme. */
export const paymentPayloadSchema = z.looseObject({
  x402Version: z.literal(X402_VERSION),
  resource: z.optional(z.nullable(z.unknown())),
  accepted: paymentRequirementsSchema,
  payload: record,
  extensions: z.optional(z.nullable(record)),
});
export type PaymentPayload = z.infer<typeof paymentPayloadSchema>;

/** The receipt: value of the PAYMENT-RESPONSE header, and the facilitator's answer to /settle. */
export const settleResponseSchema = z.looseObject({
  success: z.boolean(),
  errorReason: z.optional(z.nullable(z.string())),
  payer: z.optional(z.nullable(z.string())),
  /** Empty when nothing was settled. */
  transaction: z.string(),
  network: z.string(),
  amount: z.optional(z.nullable(z.string())),
  extensions: z.optional(z.nullable(record)),
  extra: z.optional(z.nullable(record)),
});
export type SettleResponse = z.infer<typeof settleResponseSchema>;

/** The facilitator's answer to /verify. */
export const verifyResponseSchema = z.looseObject({
  isValid: z.boolean(),
  /** An error code; absent when valid. */
  invalidReason: z.optional(z.nullable(z.string())),
  payer: z.optional(z.nullable(z.string())),
});

/** The facilitator's answer to /supported. */
export const supportedResponseSchema = z.looseObject({
  kinds: z.array(
    z.looseObject({ x402Version: z.number(), scheme: z.string(), network: z.string(), extra: z.optional(z.nullable(record)) }),
  ),
  extensions: z.array(z.string()),
  /** The accounts that sign for the facilitator, by CAIP-2 pattern. */
  signers: record,
});
export type SupportedResponse = z.infer<typeof supportedResponseSchema>;

/** The scheme that requirements of any shape name. Every payment asks several times, so no schema says why they name another. */
export function namedScheme(requirements: unknown): unknown {
  return typeof requirements === "object" && requirements !== null && "scheme" in requirements ? requirements.scheme : undefined;
}

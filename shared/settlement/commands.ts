/**
 * The commands that move a payment, in one shape from the paywall to the state table. spec/architecture.md.
 *
 * `Payment` is an UnverifiedPayment between paywall and facilitator, and a LedgerPayment behind the verification.
 */

import * as z from "zod/mini";
import { type Digest, digestSchema } from "../crypto/digest.ts";
import { accountIdSchema } from "../protocol/account.ts";
import { type Charge, chargeSchema } from "../protocol/amount.ts";
import type { LedgerPayment } from "../protocol/ledger-payment.ts";
import { wholeNumber } from "../whole-number.ts";

/** What a merchant presents, in the words of x402's /verify and /settle. Verification judges both members, of any shape. */
export const unverifiedPaymentSchema = z.strictObject({ paymentPayload: z.unknown(), paymentRequirements: z.unknown() });
export type UnverifiedPayment = z.infer<typeof unverifiedPaymentSchema>;

/** Holds the payer's money for one run of a handler. Repeating the command gives the same answer. */
export type ReserveCommand<Payment> = {
  payment: Payment;
  /** Random, chosen by the caller: it fences out every other claim on the payment. */
  reservationId: Digest;
  /** Counted from the ledger's now, at most MAX_HOLD_SECONDS. */
  holdSeconds: number;
};

export function reserveCommandSchema<Payment extends z.core.$ZodType>(payment: Payment) {
  return z.strictObject({ payment, reservationId: digestSchema, holdSeconds: wholeNumber() });
}

/** Reserves and captures in one step. `settlementId` fences like a reservation id; repeating the command gives the same answer. */
export type SettleCommand<Payment> = { payment: Payment; settlementId: Digest };

/**
 * As a ledger takes it. `value`: what is charged of an `upto`, at most the payment's; absent, all of it. `purpose`: of money that pays no
 * request; the journal has it as the cause.
 */
export type LedgerSettleCommand = SettleCommand<LedgerPayment> & { value?: Charge | undefined; purpose?: "transfer" | undefined };

export function settleCommandSchema<Payment extends z.core.$ZodType>(payment: Payment) {
  return z.strictObject({ payment, settlementId: digestSchema });
}

/** A hold that was granted. Capture and release present it. */
export const reservationSchema = z.strictObject({
  payer: accountIdSchema,
  nonce: digestSchema,
  reservationId: digestSchema,
});
export type Reservation = z.infer<typeof reservationSchema>;

/** Revokes a mandate by its digest or, as `*`, everything that the payer had signed by `revokedAt` (unix seconds). */
export const revokeCommandSchema = z.strictObject({
  payer: accountIdSchema,
  mandate: z.union([digestSchema, z.literal("*")]),
  revokedAt: wholeNumber(),
});
export type RevokeCommand = z.infer<typeof revokeCommandSchema>;

/**
 * Turns a hold into a payment. `value`: what is charged of an `upto`, at most what is held; absent, all of it. The first answer stands:
 * repeated with another value, the command gets the first answer.
 */
export const captureCommandSchema = z.strictObject({ ...reservationSchema.shape, value: z.optional(chargeSchema) });
export type CaptureCommand = z.infer<typeof captureCommandSchema>;
/** Gives a hold back: nothing was paid, and the payment can be used again. */
export type ReleaseCommand = Reservation;

/** Asks where the payee's journal has a payment. `from`: unix seconds before which it was not made. */
export const creditQuerySchema = z.strictObject({ payee: accountIdSchema, transaction: digestSchema, from: wholeNumber() });
export type CreditQuery = z.infer<typeof creditQuerySchema>;

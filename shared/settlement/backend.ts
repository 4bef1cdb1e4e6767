/**
 * What settles payments: the ledger Durable Object today, the LEZ sequencer behind the same interface later.
 * Calls carry facts that the facilitator has verified; signatures stop at the facilitator. spec/architecture.md.
 */
import * as z from "zod/mini";
import { accountIdSchema, type AccountId } from "../protocol/account.ts";
import { amountSchema, type Amount } from "../protocol/amount.ts";
import { type Digest, digestSchema } from "../crypto/digest.ts";
import type { ErrorCode } from "../errors.ts";
import { wholeNumber } from "../whole-number.ts";

export const unixSecondsSchema = wholeNumber();

/** A verified authorization, as the ledger needs it. Times are unix seconds. */
export const ledgerPaymentSchema = z
  .strictObject({
    payer: accountIdSchema,
    nonce: digestSchema,
    authorizationDigest: digestSchema,
    payee: accountIdSchema,
    value: amountSchema,
    validAfter: unixSecondsSchema,
    validBefore: unixSecondsSchema,
    requestDigest: z.optional(digestSchema),
  })
  .check(z.refine((payment) => payment.payer !== payment.payee, "payer and payee are the same account"));
export type LedgerPayment = z.infer<typeof ledgerPaymentSchema>;

/** A caller's claim on a payment. The id is random and chosen by the caller: it fences out everybody else. */
export const holdSchema = z.strictObject({
  reservationId: digestSchema,
  /** The binding of the request that is being served. */
  fingerprint: digestSchema,
  /** For how long, from the ledger's now. Capped by MAX_HOLD_SECONDS. */
  seconds: unixSecondsSchema,
});
export type Hold = z.infer<typeof holdSchema>;

/** A hold that was granted; what capture and release present. */
export const reservationSchema = z.strictObject({
  payer: accountIdSchema,
  nonce: digestSchema,
  reservationId: digestSchema,
});
export type Reservation = z.infer<typeof reservationSchema>;

export type Refusal = {
  ok: false;
  code: ErrorCode;
  /** With `nonce_replayed`: the settlement that used the nonce. */
  transaction?: Digest;
};

export function refuse(code: ErrorCode): Refusal {
  return { ok: false, code };
}

export type Settled = { ok: true; transaction: Digest; payer: AccountId; payee: AccountId; value: Amount };

export type ReserveResult =
  | { ok: true; reservation: Reservation; /** Unix seconds of the ledger's clock. */ heldUntil: number; transaction: Digest }
  | Refusal;
export type SettleResult = Settled | Refusal;
export type CheckResult = { ok: true } | Refusal;
export type ReleaseResult = { ok: true } | Refusal;
export type CancelResult = { ok: true } | Refusal;
/** `balance`: what the account's shard says. The grant is in it, unless that shard is another one than the treasury's and could not be reached. */
export type FundResult = { ok: true; transaction: Digest; account: AccountId; balance: string } | Refusal;

/**
 * What became of a payment. `unused`: it may still settle. `expired`: it never settled and never will.
 * `unknown`: too long ago to say.
 */
export type PaymentStatus =
  | { status: "unused" | "reserved" | "cancelled" | "expired" | "unknown" }
  | { status: "settled"; transaction: Digest };

/** Balances in atomic units as decimal strings; `held` is the part of `balance` that open holds have claimed. */
export type AccountState = { account: AccountId; balance: string; held: string; journalSeq: number; journalHead: Digest };

export type LedgerInfo = {
  ledger: Digest;
  treasury: AccountId;
  supply: string;
  /** Over how many objects it is spread, for good. */ shards: number;
};

export interface PaymentBackend {
  /** Which ledger this is. */
  info(): Promise<LedgerInfo>;
  /** Whether a reserve or settle would succeed now. Changes nothing and promises nothing. */
  check(payment: LedgerPayment): Promise<CheckResult>;
  /** Holds the payer's money for one run of a handler. Repeating the call with the same id gives the same answer. */
  reserve(payment: LedgerPayment, hold: Hold): Promise<ReserveResult>;
  /** Turns a hold into a payment. Repeating it gives the same answer. */
  capture(reservation: Reservation): Promise<SettleResult>;
  /** Gives a hold back: nothing was paid, and the payment can be used again. */
  release(reservation: Reservation): Promise<ReleaseResult>;
  /** Reserve and capture in one step. `settlementId` fences like a reservation id. */
  settle(payment: LedgerPayment, settlementId: Digest): Promise<SettleResult>;
  /** Consumes an unspent nonce for good. The facilitator has verified that the payer asked for it. */
  cancel(payer: AccountId, nonce: Digest): Promise<CancelResult>;
  /** `validBefore` in unix seconds, as signed; without it a negative answer could not be given. */
  status(payer: AccountId, nonce: Digest, validBefore: number): Promise<PaymentStatus>;
  account(account: AccountId): Promise<AccountState>;
  /** Test money from the treasury. One `grantId` pays once. Only where the faucet is on. */
  fund(account: AccountId, value: Amount, grantId: Digest): Promise<FundResult>;
}

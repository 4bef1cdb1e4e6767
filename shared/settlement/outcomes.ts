/** What a facilitator answers, and the failures of its backend. */

import type { ChannelState } from "../batch-settlement/state.ts";
import type { Digest } from "../crypto/digest.ts";
import type { ErrorCode } from "../errors.ts";
import { type BATCH_SETTLEMENT, type NativeNetwork, NETWORK, type Scheme, type X402_VERSION } from "../lez.ts";
import type { AccountId } from "../protocol/account.ts";
import type { Charge } from "../protocol/amount.ts";
import type { MandateLimit, PaymentRefusal, Refusal } from "../protocol/refusal.ts";
import type { LezAccountId } from "../zone/account.ts";
import type { SettleResult } from "./backend.ts";

// A facilitator's answers, narrower than x402 allows: no member is null, and every code is ours.

/** The answer to /verify. */
export type Validity = {
  isValid: boolean;
  /** Absent when valid. */
  invalidReason?: ErrorCode;
  payer?: AccountId | LezAccountId;
};

/** The answer to /settle. */
export type Settlement = {
  success: boolean;
  /** Absent on success. */
  errorReason?: ErrorCode;
  payer?: AccountId | LezAccountId;
  /** Empty when nothing was settled. Stock merchants require `transaction` and `network` in every answer. */
  transaction: string;
  network: typeof NETWORK | NativeNetwork;
  /** Atomic units: what was charged. "0" for an `upto` that used nothing; then no money moved. Empty for a deposit: it is still the payer's. */
  amount?: Charge | "";
  extra?: {
    /** With `nonce_replayed`: the settlement that used the nonce. */
    transaction?: Digest;
    /** With `nonce_replayed`: the session that was opened with the nonce. */
    session?: Digest;
    /** Of `batch-settlement`: where the session stands. */
    channelState?: ChannelState;
    /** With `mandate_exceeded`: which limit, and the first second of the next period if it is one of a period. */
    limit?: MandateLimit;
    renewsAt?: number;
    /** With `settlement_pending` of a payment on the chain itself: when to present it again. */
    retryAfterSeconds?: number;
  };
};

export type Support = {
  kinds: {
    x402Version: typeof X402_VERSION;
    scheme: Scheme | typeof BATCH_SETTLEMENT;
    network: typeof NETWORK;
    extra: { ledger: Digest };
  }[];
  extensions: string[];
  signers: Record<string, string[]>;
};

/** The ledger did not answer. What happened to the payment is unknown. */
export class BackendUnavailable extends Error {
  override name = "BackendUnavailable";
  readonly overloaded: boolean;

  constructor(message: string, options: { overloaded: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.overloaded = options.overloaded;
  }
}

/** False for a payer who calls too often. */
export type Admission = (payer: AccountId) => Promise<boolean>;

/** A ledger that counts no limits must not pay under them. */
export function uncounted(payer?: AccountId): PaymentRefusal {
  return { ok: false, code: "mandate_mismatch", detail: "the ledger of this facilitator counts no mandates", ...(payer && { payer }) };
}

/** A failure with all that a refusal says. */
export function refusedSettlement({ code, transaction, session, limit, renewsAt }: Refusal, payer?: AccountId): Settlement {
  const used = { ...(transaction && { transaction }), ...(session && { session }) };
  const extra = { ...used, ...(limit && { limit }), ...(renewsAt !== undefined && { renewsAt }) };
  return { ...settleFailure(code, payer), ...(Object.keys(extra).length > 0 && { extra }) };
}

export function settleSuccess({ payer, value, transaction }: Extract<SettleResult, { ok: true }>): Settlement {
  return { success: true, payer, transaction, network: NETWORK, amount: value };
}

export function settleFailure(code: ErrorCode, payer?: AccountId | LezAccountId, network: Settlement["network"] = NETWORK): Settlement {
  return {
    success: false,
    errorReason: code,
    ...(payer && { payer }),
    transaction: "",
    network,
  };
}

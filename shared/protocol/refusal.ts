/** A refusal: a code from the error table, and what its reader needs beside it. */

import type { Digest } from "../crypto/digest.ts";
import type { ErrorCode } from "../errors.ts";
import type { AccountId } from "./account.ts";

/** The limit of a mandate that a payment is beyond. */
export type MandateLimit = "per_payment" | "total" | "period" | "count" | "session";

export type Refusal = {
  ok: false;
  code: ErrorCode;
  /** With `mandate_exceeded`. */
  limit?: MandateLimit;
  /** With `period` and `count`: the first unix second of the next period. */
  renewsAt?: number;
  /** With `nonce_replayed`: the settlement that used the nonce. */
  transaction?: Digest;
  /** With `nonce_replayed`: the session that was opened with the nonce. */
  session?: Digest;
};

/** A refusal as a merchant needs it. */
export type PaymentRefusal = Refusal & {
  /** If the payload names one. */
  payer?: AccountId;
  /** What is wrong with the payload. */
  detail?: string;
  /** The word of a facilitator that is not ours, where none of our codes says the same. */
  facilitatorReason?: string;
};

/** @param at where the proof stands in what was sent */
export function unproved({ problem }: { problem?: string }, at = ""): PaymentRefusal {
  return { ok: false, code: "invalid_signature", ...(problem !== undefined && { detail: `${at}${problem}` }) };
}

export function refusal(code: ErrorCode): Refusal {
  return { ok: false, code };
}

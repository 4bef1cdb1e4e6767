/** A refusal: a code from the error table, and what its reader needs beside it. */

import type { Digest } from "../crypto/digest.ts";
import type { ErrorCode } from "../errors.ts";
import type { AccountId } from "./account.ts";

export type Refusal = {
  ok: false;
  code: ErrorCode;
  /** With `nonce_replayed`: the settlement that used the nonce. */
  transaction?: Digest;
};

/** A refusal as a merchant needs it: the payer if the payload names one, and what is wrong with the payload. */
export type PaymentRefusal = Refusal & { payer?: AccountId; detail?: string };

export function refusal(code: ErrorCode): Refusal {
  return { ok: false, code };
}

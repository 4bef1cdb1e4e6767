/** The Authorization: the order to pay, signed by the payer's key. spec/protocol.md §4. */

import * as z from "zod/mini";
import { type Digest, digest, digestSchema } from "../crypto/digest.ts";
import { UPTO } from "../lez.ts";
import { unixSecondsText } from "../time.ts";
import { accountIdSchema, type AccountId } from "./account.ts";
import { amountSchema } from "./amount.ts";
import { originSchema } from "./origin.ts";

export const authorizationSchema = z.strictObject({
  network: z.string().check(z.maxLength(64)),
  asset: z.string().check(z.maxLength(64)),
  from: accountIdSchema,
  to: accountIdSchema,
  /** Atomic units. Of `upto`: the most that may be charged. */
  value: amountSchema,
  validAfter: unixSecondsText,
  /** The last second in which the payment can be used. */
  validBefore: unixSecondsText,
  /** One (from, nonce) pays once, ever. */
  nonce: digestSchema,
  /** The request this pays for; absent when the offer has none. */
  binding: z.optional(digestSchema),
  /** The ledger this may be settled on; absent when the offer names none. */
  ledger: z.optional(digestSchema),
  /** The PaymentRequest whose reason the owner read; absent for clients without one. */
  requestDigest: z.optional(digestSchema),
  /** The mandate under which its agent signed this; absent if the payer's own key did. */
  mandate: z.optional(digestSchema),
  /** Of the address that is paid for; required under a mandate. */
  origin: z.optional(originSchema),
  /** Absent for `exact`. */
  scheme: z.optional(z.literal(UPTO)),
  /** Of a transfer, which pays no request. Absent in a payment. */
  purpose: z.optional(z.literal("transfer")),
});
export type Authorization = z.infer<typeof authorizationSchema>;

export function authorizationDigest(authorization: Authorization): Digest {
  return digest("Authorization", authorization);
}

/** The nonce of a request. An approval and a payment under a mandate have the same one, so the ledger pays the request once. */
export function approvalNonce(from: AccountId, requestDigest: Digest): Digest {
  return digest("Nonce", { from, requestDigest });
}

/** The id of an authorization's settlement. Anyone computes the same one, before or after it settles. */
export function transactionOf(network: string, authorization: Digest): Digest {
  return digest("Transaction", { network, authorizationDigest: authorization });
}

/**
 * The second signature of a payment on the chain itself. A native transfer has no memo, no expiry and names no chain: the statement says
 * which request the transfer buys, until when, and where. It binds honest facilitators only. spec/scheme_exact_lez_native.md.
 */

import * as z from "zod/mini";
import { signatureSchema } from "../crypto/bytes.ts";
import { type Digest, digest, digestSchema } from "../crypto/digest.ts";
import { unixSecondsText } from "../time.ts";

/** Closed: an unknown member would be signed without being understood. */
export const nativeStatementSchema = z.strictObject({
  network: z.string().check(z.maxLength(64)),
  /** The hash of block 1. */
  ledger: digestSchema,
  /** H of the transfer, which commits to payer, payee, value, nonce and fee. */
  messageHash: digestSchema,
  validAfter: unixSecondsText,
  /** The last second in which a facilitator takes the payment for its request. The chain knows no such time. */
  validBefore: unixSecondsText,
  /** Present exactly if the offer has one. */
  binding: z.optional(digestSchema),
  /** The PaymentRequest whose reason the owner read. */
  requestDigest: z.optional(digestSchema),
});
export type NativeStatement = z.infer<typeof nativeStatementSchema>;

/** `PaymentPayload.payload`: the text that `sendTransaction` takes, and the statement with its signature. */
export const nativePayloadSchema = z.looseObject({
  signedTx: z.string(),
  statement: z.optional(nativeStatementSchema),
  /** By the key of the transaction's witness. Present exactly if the statement is. */
  signature: z.optional(signatureSchema),
});
export type NativePayload = z.infer<typeof nativePayloadSchema>;

/** What the key of the transfer's witness signs, BIP-340. Under another prefix than H: no signature is one of the other. */
export function statementDigest(statement: NativeStatement): Digest {
  return digest("NativeStatement", statement);
}

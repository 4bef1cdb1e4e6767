/** `PaymentPayload.payload` of scheme `batch-settlement` on LEZ, tagged by `type`. spec/scheme_batch_settlement_lez.md. */

import * as z from "zod/mini";
import { signatureSchema } from "../crypto/bytes.ts";
import { MAX_CLAIMED_LANES } from "../limits.ts";
import { accountIdSchema } from "../protocol/account.ts";
import { claimSchema } from "../protocol/claim.ts";
import { payloadWithProof } from "../protocol/proof.ts";
import { sessionSchema } from "../protocol/session.ts";
import { signedVoucherSchema, voucherSchema } from "../protocol/voucher.ts";
import { withdrawalSchema } from "../protocol/withdrawal.ts";

// Each is open for members of other readers; the signed objects inside are not.

/** Opens a session, and pays the request that carries it by the first voucher. */
export const depositPayloadSchema = payloadWithProof({
  type: z.literal("deposit"),
  /** The Session, in x402's word. */
  channelConfig: sessionSchema,
  /** A SignedMandate, exactly if the session names one. Verification judges it, of any shape. */
  mandate: z.optional(z.unknown()),
  voucher: voucherSchema,
  voucherSignature: signatureSchema,
});
export type DepositPayload = z.infer<typeof depositPayloadSchema>;

/** Pays one request of an open session. Who does not know the session asks the ledger, by payer and id. */
export const voucherPayloadSchema = z.looseObject({
  type: z.literal("voucher"),
  /** The payer's account. */
  from: accountIdSchema,
  voucher: voucherSchema,
  voucherSignature: signatureSchema,
});
export type VoucherPayload = z.infer<typeof voucherPayloadSchema>;

/** Asks the payee to take what it is owed, and to close. Buys nothing. */
export const refundPayloadSchema = payloadWithProof({
  type: z.literal("refund"),
  withdrawal: withdrawalSchema,
});
export type RefundPayload = z.infer<typeof refundPayloadSchema>;

/** The payee takes what vouchers cover. `vouchers` are those that the claim's lanes name, in their order. */
export const claimPayloadSchema = z.looseObject({
  type: z.literal("claim"),
  claim: claimSchema,
  signature: signatureSchema,
  channelConfig: sessionSchema,
  vouchers: z.array(signedVoucherSchema).check(z.maxLength(MAX_CLAIMED_LANES, `must have at most ${MAX_CLAIMED_LANES} entries`)),
});
export type ClaimPayload = z.infer<typeof claimPayloadSchema>;

export const batchPayloadSchema = z.discriminatedUnion("type", [
  depositPayloadSchema,
  voucherPayloadSchema,
  refundPayloadSchema,
  claimPayloadSchema,
]);
export type BatchPayload = z.infer<typeof batchPayloadSchema>;

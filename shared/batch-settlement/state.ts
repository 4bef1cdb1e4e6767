/**
 * What a merchant tells a client of its session: in PAYMENT-RESPONSE after an answer, in a corrective 402 after a voucher that does not
 * fit. In x402's words where it has one. spec/scheme_batch_settlement_lez.md.
 */

import * as z from "zod/mini";
import { signatureSchema } from "../crypto/bytes.ts";
import { digestSchema } from "../crypto/digest.ts";
import { amountSchema, chargeSchema } from "../protocol/amount.ts";
import { laneSchema, voucherSchema } from "../protocol/voucher.ts";
import { wholeNumber } from "../whole-number.ts";

/** Amounts are atomic units. All of it is the merchant's word; only the ledger's standing is proof. */
export const channelStateSchema = z.looseObject({
  channelId: digestSchema,
  /** The deposit. */
  balance: amountSchema,
  /** Paid to the merchant by claims. */
  totalClaimed: chargeSchema,
  /** Unix seconds; 0 if the session is not closing. */
  withdrawRequestedAt: wholeNumber(),
  /** Charged in all lanes, claimed or not. A facilitator does not know it. */
  chargedCumulativeAmount: z.optional(chargeSchema),
});
export type ChannelState = z.infer<typeof channelStateSchema>;

/** The lane that the client's next voucher is for, and the most that can be claimed of it now. Its serial is above `afterSerial`. */
export const laneOfferSchema = z.looseObject({ id: laneSchema, limit: chargeSchema, afterSerial: z.optional(wholeNumber()) });
export type LaneOffer = z.infer<typeof laneOfferSchema>;

/** The highest voucher of the lane that the merchant holds. The client believes it after it has verified its own signature. */
export const voucherStateSchema = z.looseObject({
  lane: laneSchema,
  serial: voucherSchema.shape.serial,
  signedMaxClaimable: amountSchema,
  /** What the voucher was bound to: without it the signature cannot be checked. */
  binding: z.optional(digestSchema),
  signature: signatureSchema,
  /** Charged in this lane so far: the next voucher signs this, and what is under way, and the price. */
  charged: chargeSchema,
});
export type VoucherState = z.infer<typeof voucherStateSchema>;

/** `extra` of PAYMENT-RESPONSE after a voucher was accepted. `transaction` and `amount` are empty there: nothing moved. */
export const voucherReceiptExtraSchema = z.looseObject({
  /** `<session>:<lane>:<serial>` */
  commitmentId: z.string(),
  /** Atomic units that this request cost. */
  chargedAmount: chargeSchema,
  lane: laneOfferSchema,
  channelState: channelStateSchema,
});
export type VoucherReceiptExtra = z.infer<typeof voucherReceiptExtraSchema>;

/** What `extra` of an entry of `accepts` has beside the offer in a corrective 402. */
export const correctionSchema = z.looseObject({
  channelState: z.optional(channelStateSchema),
  voucherState: z.optional(voucherStateSchema),
  lane: z.optional(laneOfferSchema),
});
export type Correction = z.infer<typeof correctionSchema>;

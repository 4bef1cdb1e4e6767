/** The Voucher: what an agent signs with each request of a session, to be claimed by the payee. spec/protocol.md §16. */

import * as z from "zod/mini";
import { hexSchema, signatureSchema } from "../crypto/bytes.ts";
import { type Digest, digest, digestSchema } from "../crypto/digest.ts";
import { type DigestVerifier, verifyDigest } from "../crypto/ed25519.ts";
import { amountSchema } from "./amount.ts";
import type { WalletSigner } from "./signer.ts";
import { wholeText } from "./whole-text.ts";

/** The lane of the payee's own object. */
export const FIRST_LANE = "0";

/** A part of a session's money that one acceptor accepts vouchers for, alone: `0`, or 16 random bytes. */
export const laneSchema = z.union([z.literal(FIRST_LANE), hexSchema(16)], "must be 0 or 32 lowercase hex digits");

export const voucherSchema = z.strictObject({
  /** The session's id. */
  session: digestSchema,
  lane: laneSchema,
  /** 1, 2, 3 … in its lane. One serial buys one answer. */
  serial: wholeText(1, Number.MAX_SAFE_INTEGER),
  /** Atomic units: the most that may be claimed of this lane, with all vouchers before. */
  maxClaimableAmount: amountSchema,
  /** The request that it pays for; present exactly if the offer has one. */
  binding: z.optional(digestSchema),
});
export type Voucher = z.infer<typeof voucherSchema>;

/** Signed by the session's `signer`. Whose key that is says the session, so none is beside it. */
export const signedVoucherSchema = z.strictObject({ voucher: voucherSchema, voucherSignature: signatureSchema });
export type SignedVoucher = z.infer<typeof signedVoucherSchema>;

export function voucherDigest(voucher: Voucher): Digest {
  return digest("Voucher", voucher);
}

export async function signVoucher(voucher: Voucher, agent: WalletSigner): Promise<SignedVoucher> {
  return { voucher, voucherSignature: await agent.sign(voucherDigest(voucher)) };
}

/** @param signer the public key that the session names, or its verifier, for those who verify many */
export function isGenuineVoucher({ voucher, voucherSignature }: SignedVoucher, signer: string | DigestVerifier): Promise<boolean> {
  const digest = voucherDigest(voucher);
  return typeof signer === "string" ? verifyDigest(voucherSignature, digest, signer) : signer.verify(voucherSignature, digest);
}

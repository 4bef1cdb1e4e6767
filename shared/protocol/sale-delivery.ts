/** A seller's order to one of its merchants: serve this payment again, for free, when its buyer repeats it. It moves no money. */

import * as z from "zod/mini";
import { hexToBytes, publicKeySchema, signatureSchema } from "../crypto/bytes.ts";
import { digest, digestSchema } from "../crypto/digest.ts";
import { verifyDigest } from "../crypto/ed25519.ts";
import { BOOKS_READ_SECONDS } from "../limits.ts";
import { unixNow, unixSecondsText } from "../time.ts";
import { accountIdSchema, accountOfKey } from "./account.ts";
import type { WalletSigner } from "./signer.ts";

const saleDeliverySchema = z.strictObject({
  /** The account that was paid; its key signs. */
  payee: accountIdSchema,
  /** The merchant's. */
  origin: z.string(),
  transaction: digestSchema,
  /** Counts for BOOKS_READ_SECONDS. */
  issuedAt: unixSecondsText,
});
export type SaleDelivery = z.infer<typeof saleDeliverySchema>;

export const signedSaleDeliverySchema = z.strictObject({
  delivery: saleDeliverySchema,
  publicKey: publicKeySchema,
  signature: signatureSchema,
});
export type SignedSaleDelivery = z.infer<typeof signedSaleDeliverySchema>;

export async function signSaleDelivery(
  payee: WalletSigner,
  sale: Pick<SaleDelivery, "origin" | "transaction">,
  now: number = unixNow(),
): Promise<SignedSaleDelivery> {
  const delivery = { payee: payee.account, ...sale, issuedAt: String(now) };
  return { delivery, publicKey: payee.publicKey, signature: await payee.sign(digest("SaleDelivery", delivery)) };
}

/** @param origin the merchant's own @param now unix seconds @returns what is wrong; undefined if nothing is */
export async function saleDeliveryProblem(
  { delivery, publicKey, signature }: SignedSaleDelivery,
  origin: string,
  now: number,
): Promise<string | undefined> {
  if (delivery.origin !== origin) return `delivery.origin: this merchant is ${origin}`;
  if (Math.abs(now - Number(delivery.issuedAt)) > BOOKS_READ_SECONDS)
    return `delivery.issuedAt: is more than ${BOOKS_READ_SECONDS} s from now`;
  if (accountOfKey(hexToBytes(publicKey)) !== delivery.payee) return "publicKey: is not the payee's";
  return (await verifyDigest(signature, digest("SaleDelivery", delivery), publicKey)) ? undefined : "signature: is not the payee's";
}

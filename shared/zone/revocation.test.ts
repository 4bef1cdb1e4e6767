import { expect, test } from "vitest";
import { bytesToHex } from "../crypto/bytes.ts";
import { digest } from "../crypto/digest.ts";
import {
  isGenuineNativeRevocation,
  nativeCancelSchema,
  type NativeRevocation,
  nativeRevocationDigest,
  nativeRevocationSchema,
  signNativeRevocation,
} from "./revocation.ts";
import { publicKeyOf, signSchnorr } from "./schnorr.ts";
import { BUYER_KEY, GENESIS, NO_AUX, NOW, SELLER_KEY, TERMS } from "./testing/payment.ts";
import { transferHash } from "./transfer.ts";

const REVOCATION: NativeRevocation = {
  network: "lez:devnet",
  ledger: GENESIS,
  messageHash: transferHash(TERMS),
  revokedAt: String(NOW),
};
const BUYER = publicKeyOf(BUYER_KEY);

test("the payer's signature under it is genuine, and no other is", () => {
  const signed = signNativeRevocation(REVOCATION, BUYER_KEY);
  expect(isGenuineNativeRevocation(signed, BUYER)).toBe(true);
  expect(isGenuineNativeRevocation(signed, publicKeyOf(SELLER_KEY))).toBe(false);
  expect(isGenuineNativeRevocation(signNativeRevocation(REVOCATION, SELLER_KEY), BUYER)).toBe(false);
  expect(isGenuineNativeRevocation({ ...signed, signature: "0".repeat(128) }, BUYER)).toBe(false);
});

test("it is about one transfer on one chain", () => {
  const { signature } = signNativeRevocation(REVOCATION, BUYER_KEY);
  const others: Partial<NativeRevocation>[] = [
    { network: "lez:testnet" },
    { ledger: "6e".repeat(32) as NativeRevocation["ledger"] },
    { messageHash: "6e".repeat(32) as NativeRevocation["messageHash"] },
    { revokedAt: String(NOW + 1) },
  ];
  const genuine = others.filter((other) => isGenuineNativeRevocation({ revocation: { ...REVOCATION, ...other }, signature }, BUYER));
  expect(genuine).toEqual([]);
});

test("neither the signature of the transfer nor one of a statement is one of it", () => {
  const over = [REVOCATION.messageHash, digest("NativeStatement", REVOCATION)];
  const signatures = over.map((hash) => bytesToHex(signSchnorr(hash, BUYER_KEY, NO_AUX)));
  expect(signatures.filter((signature) => isGenuineNativeRevocation({ revocation: REVOCATION, signature }, BUYER))).toEqual([]);
  expect(nativeRevocationDigest(REVOCATION)).toBe(digest("NativeRevocation", REVOCATION));
});

test("it is closed, and so is the call", () => {
  const call = { paymentPayload: {}, paymentRequirements: {}, ...signNativeRevocation(REVOCATION, BUYER_KEY) };
  expect(nativeCancelSchema.safeParse(call).success).toBe(true);
  expect(nativeCancelSchema.safeParse({ ...call, reason: "" }).success).toBe(false);
  expect(nativeCancelSchema.safeParse({ ...call, signature: call.signature.toUpperCase() }).success).toBe(false);
  expect(nativeRevocationSchema.safeParse({ ...REVOCATION, reason: "" }).success).toBe(false);
});

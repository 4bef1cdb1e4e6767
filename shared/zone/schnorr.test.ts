import { expect, test } from "vitest";
import { bytesToHex, hexToBytes } from "../crypto/bytes.ts";
import type { Digest } from "../crypto/digest.ts";
import { DEMO_MERCHANT_LEZ_ACCOUNT, DEMO_MERCHANT_SECRET_KEY } from "../demo.ts";
import { lezAccountOfKey } from "./account.ts";
import { isCurveKey, isSecretKey, publicKeyOf, signSchnorr, verifySchnorr } from "./schnorr.ts";

const P = "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f";
const N = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
const SECRET = hexToBytes("0111111111111111111111111111111111111111111111111111111111111111");
const HASH = "5e".repeat(32) as Digest;
const KEY = publicKeyOf(SECRET);
const SIGNATURE = signSchnorr(HASH, SECRET, new Uint8Array(32));

test("another auxiliary value makes another signature of the same hash, and both are good", () => {
  const other = signSchnorr(HASH, SECRET);
  expect(bytesToHex(other)).not.toBe(bytesToHex(SIGNATURE));
  expect([SIGNATURE, other].map((signature) => verifySchnorr(signature, HASH, KEY))).toEqual([true, true]);
});

test("a key off the curve or zero, R ≥ p, S ≥ n and wrong lengths are false, never an exception [schnorr-bad-input]", () => {
  const [r, s] = [bytesToHex(SIGNATURE.subarray(0, 32)), bytesToHex(SIGNATURE.subarray(32))];
  const bad = [r + N, r + "ff".repeat(32), P + s, "00".repeat(32) + s, r + "00".repeat(32), "00".repeat(64), s + r].map(hexToBytes);
  expect(bad.filter((signature) => verifySchnorr(signature, HASH, KEY))).toEqual([]);
  const keys = ["00".repeat(32), P, N, "ff".repeat(32), "eefdea4cdb677750a420fee807eacf21eb9898ae79b9768766e4faa04a2d4a34"].map(hexToBytes);
  expect(keys.filter((key) => verifySchnorr(SIGNATURE, HASH, key))).toEqual([]);
  const [zero, p, , most, offCurve] = keys;
  expect([zero, p, most, offCurve].filter((key) => key && isCurveKey(key))).toEqual([]);
  expect(isCurveKey(KEY)).toBe(true);
  for (const length of [0, 31, 33, 63, 65]) {
    expect(
      verifySchnorr(
        Uint8Array.from({ length }, (_, i) => SIGNATURE[i] ?? 0),
        HASH,
        KEY,
      ),
    ).toBe(false);
    expect(verifySchnorr(SIGNATURE, HASH, new Uint8Array(length))).toBe(false);
    expect(isCurveKey(new Uint8Array(length))).toBe(false);
  }
});

test("zero and the group's order are no secret keys", () => {
  expect(["00".repeat(32), N, "ff".repeat(32), "01"].map((secret) => isSecretKey(hexToBytes(secret)))).toEqual([
    false,
    false,
    false,
    false,
  ]);
  expect(isSecretKey(SECRET)).toBe(true);
});

test("the demo merchant's account on the chain is that of its published key", () => {
  expect(lezAccountOfKey(publicKeyOf(DEMO_MERCHANT_SECRET_KEY))).toBe(DEMO_MERCHANT_LEZ_ACCOUNT);
});

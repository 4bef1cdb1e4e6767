import { generateKeyPairSync, sign } from "node:crypto";
import { Point } from "@noble/ed25519";
import * as fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { CASES } from "../../test/vectors/speccheck.ts";
import { MAX_REMEMBERED_SIGNATURES } from "../limits.ts";
import { bytesToHex, hexToBytes } from "./bytes.ts";
import { DigestVerifier, isUsableKey, isUsablePoint, verifyDigest, verifyStrict } from "./ed25519.ts";

const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const P = 2n ** 255n - 19n;

/** Little-endian, with the sign of x in the top bit. */
function encoded(y: bigint, sign = 0): Uint8Array<ArrayBuffer> {
  const bytes = hexToBytes(y.toString(16).padStart(64, "0")).toReversed();
  bytes[31] = (bytes[31] ?? 0) | (sign << 7);
  return bytes;
}

/** A signature of Node's, not of ours. */
function honest(message: Uint8Array<ArrayBuffer>) {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const key = new Uint8Array(Buffer.from(publicKey.export({ format: "jwk" }).x ?? "", "base64url"));
  return { key, message, signature: new Uint8Array(sign(null, message, privateKey)) };
}

function flip(bytes: Uint8Array<ArrayBuffer>, bit: number): Uint8Array<ArrayBuffer> {
  return bytes.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
}

const anyBytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

describe("the published edge cases", () => {
  test.each(CASES)("$name is accepted: $accepted", async ({ accepted, verify }) => expect(await verify()).toBe(accepted));

  test.each(CASES)("$name is accepted by a verifier of its key: $accepted", async ({ accepted, verifyTwice }) =>
    expect(await verifyTwice()).toEqual([accepted, accepted]),
  );
});

describe("an honest signature", () => {
  const { key, message, signature } = honest(new Uint8Array(32).fill(5));

  test("is accepted, over messages of any length", async () => {
    for (const length of [0, 1, 32, 64, 5000]) {
      const one = honest(new Uint8Array(length));
      expect(await verifyStrict(one.signature, one.message, one.key), String(length)).toBe(true);
    }
  });

  test("is refused with any bit of it, of the message or of the key flipped", async () => {
    for (let bit = 0; bit < 512; bit += 3) expect(await verifyStrict(flip(signature, bit), message, key), `signature ${bit}`).toBe(false);
    for (let bit = 0; bit < 256; bit += 3) {
      expect(await verifyStrict(signature, flip(message, bit), key), `message ${bit}`).toBe(false);
      expect(await verifyStrict(signature, message, flip(key, bit)), `key ${bit}`).toBe(false);
    }
  });

  test("is refused with L added to S: no payment has two signatures that differ only in spelling", async () => {
    const s = BigInt(`0x${bytesToHex(signature.slice(32).toReversed())}`);
    const malleated = Uint8Array.from([...signature.slice(0, 32), ...encoded(s + L)]);
    expect(await verifyStrict(malleated, message, key)).toBe(false);
  });

  test("is refused at any other length", async () => {
    for (const length of [0, 63]) expect(await verifyStrict(signature.slice(0, length), message, key)).toBe(false);
    expect(await verifyStrict(Uint8Array.from([...signature, 0]), message, key)).toBe(false);
    expect(await verifyStrict(signature, message, key.slice(1))).toBe(false);
    expect(await verifyStrict(signature, message, new Uint8Array(0))).toBe(false);
  });
});

test("a verifier of one key accepts what the key signed, imports it once, and nothing that was changed", async () => {
  const { key, message, signature } = honest(new Uint8Array(32).fill(9));
  const importing = vi.spyOn(crypto.subtle, "importKey");
  const verifier = new DigestVerifier(bytesToHex(key));
  const verify = (signature: Uint8Array, message: Uint8Array) => verifier.verify(bytesToHex(signature), bytesToHex(message));
  for (const _ of "12") expect(await verify(signature, message)).toBe(true);
  for (let bit = 0; bit < 512; bit += 5) expect(await verify(flip(signature, bit), message), `signature ${bit}`).toBe(false);
  for (let bit = 0; bit < 256; bit += 5) expect(await verify(signature, flip(message, bit)), `message ${bit}`).toBe(false);
  for (const length of [0, 63]) expect(await verify(signature.slice(0, length), message)).toBe(false);
  expect(importing).toHaveBeenCalledOnce();
  importing.mockRestore();
});

describe("a signature that was found good", () => {
  const { key, message, signature } = honest(new Uint8Array(32).fill(7));
  const hex = (signature: Uint8Array, message: Uint8Array, key: Uint8Array) =>
    [bytesToHex(signature), bytesToHex(message), bytesToHex(key)] as const;

  test("is good again, and with any bit flipped as bad as ever", async () => {
    for (const _ of "12") expect(await verifyDigest(...hex(signature, message, key))).toBe(true);
    for (let bit = 0; bit < 256; bit += 5) {
      expect(await verifyDigest(...hex(flip(signature, 2 * bit), message, key)), `signature ${2 * bit}`).toBe(false);
      expect(await verifyDigest(...hex(signature, flip(message, bit), key)), `message ${bit}`).toBe(false);
      expect(await verifyDigest(...hex(signature, message, flip(key, bit))), `key ${bit}`).toBe(false);
    }
  });

  test("is computed once, as long as not too many others came since", async () => {
    const computing = vi.spyOn(crypto.subtle, "verify");
    const others = Array.from({ length: MAX_REMEMBERED_SIGNATURES }, (_, i) => honest(Uint8Array.of(i >> 8, i)));
    expect(await verifyDigest(...hex(signature, message, key))).toBe(true);
    expect(computing).not.toHaveBeenCalled();
    for (const other of others) expect(await verifyDigest(...hex(other.signature, other.message, other.key))).toBe(true);
    computing.mockClear();
    expect(await verifyDigest(...hex(signature, message, key))).toBe(true);
    expect(computing).toHaveBeenCalledOnce();
    computing.mockRestore();
  });
});

describe("a usable point", () => {
  test("is not one of the eight of small order, in either sign", () => {
    // T generates the subgroup of order eight: L times a point that has torsion.
    const mixed = Point.fromHex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa");
    const points = Array.from({ length: 8 }, (_, i) => (i === 0 ? Point.ZERO : mixed.multiply(BigInt(i), false)));
    expect(new Set(points.map((point) => point.toHex())).size).toBe(8);
    for (const point of points) {
      const bytes = point.toBytes();
      expect(isUsablePoint(bytes), bytesToHex(bytes)).toBe(false);
      expect(isUsablePoint(bytes.map((byte, i) => (i === 31 ? byte ^ 0x80 : byte))), "other sign").toBe(false);
    }
  });

  test("is written with y below the prime", () => {
    for (let y = P; y < 2n ** 255n; y++) for (const sign of [0, 1]) expect(isUsablePoint(encoded(y, sign)), String(y)).toBe(false);
    expect(isUsablePoint(encoded(P - 2n))).toBe(true);
    expect(isUsablePoint(encoded(2n))).toBe(true);
  });

  test("is what an honest key is", () => {
    expect(isUsableKey(bytesToHex(honest(new Uint8Array(1)).key))).toBe(true);
    expect(isUsableKey("00".repeat(32))).toBe(false);
  });
});

test("arbitrary bytes are refused without throwing", async () => {
  await fc.assert(
    fc.asyncProperty(anyBytes(64), anyBytes(32), anyBytes(32), async (signature, message, key) => {
      expect(await verifyStrict(new Uint8Array(signature), new Uint8Array(message), new Uint8Array(key))).toBe(false);
    }),
  );
});

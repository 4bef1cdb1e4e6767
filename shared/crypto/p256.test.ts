import { createECDH } from "node:crypto";
import { sha256 } from "@noble/hashes/sha2.js";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TestPasskey } from "../../test/passkey.ts";
import { bytesToHex, concatBytes, fromBase64url, hexToBytes } from "./bytes.ts";
import type { Digest } from "./digest.ts";
import { verifyP256, withLowS } from "./p256.ts";

const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const P = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
const word = (value: bigint) => value.toString(16).padStart(64, "0");

const passkey = new TestPasskey("desk.example", "0a".repeat(32));
const { signature, ...assertion } = passkey.assert("5e".repeat(32) as Digest);
const bytes = (text: string) => fromBase64url(text) ?? new Uint8Array();
const message = concatBytes([bytes(assertion.authenticatorData), sha256(bytes(assertion.clientDataJSON))]);
const verify = (changed = signature, key = passkey.publicKey) => verifyP256(changed, message, key);

describe("a signature", () => {
  const [r, s] = [BigInt(`0x${signature.slice(0, 64)}`), BigInt(`0x${signature.slice(64)}`)];

  test("of node:crypto's key is good", async () => expect(await verify()).toBe(true));

  test("has one spelling: with the other s, which WebCrypto takes, it is refused [p256-low-s]", async () => {
    const high = word(r) + word(N - s);
    expect(await verify(high)).toBe(false);
    const point = hexToBytes(uncompressed());
    const key = await crypto.subtle.importKey("raw", point, { name: "ECDSA", namedCurve: "P-256" }, false, ["verify"]);
    expect(await crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, key, hexToBytes(high), message)).toBe(true);
    expect(withLowS(hexToBytes(high))).toBe(signature);
    expect(withLowS(hexToBytes(signature))).toBe(signature);
  });

  test.each([
    ["r is 0", 0n, s],
    ["s is 0", r, 0n],
    ["r is the order", N, s],
    ["r is above the order", r + N < 2n ** 256n ? r + N : 2n ** 256n - 1n, s],
    ["s is the order", r, N],
  ])("is refused where %s", async (_, r, s) => expect(await verify(word(r) + word(s))).toBe(false));

  test("is refused with any bit flipped", async () => {
    for (let bit = 0; bit < 512; bit += 7) {
      const flipped = hexToBytes(signature).map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
      expect(await verify(bytesToHex(flipped)), String(bit)).toBe(false);
    }
  });
});

describe("a key", () => {
  test.each([
    ["the other point of its x", (passkey.publicKey.startsWith("02") ? "03" : "02") + passkey.publicKey.slice(2)],
    ["an x beyond the field", `02${word(P)}`],
    ["an x of no point", `02${word(5n)}`.replace(/5$/, "1")],
    ["another tag", `04${passkey.publicKey.slice(2)}`],
    ["the tag of infinity", `00${passkey.publicKey.slice(2)}`],
  ])("is refused: %s", async (_, key) => expect(await verify(signature, key)).toBe(false));

  test("of any bytes is refused without an exception", async () => {
    const key = fc.uint8Array({ minLength: 33, maxLength: 33 }).map((bytes) => bytesToHex(bytes));
    await fc.assert(
      fc.asyncProperty(key, async (key) => !(await verify(signature, key))),
      { numRuns: 30 },
    );
  });
});

function uncompressed(): string {
  const ecdh = createECDH("prime256v1");
  ecdh.setPrivateKey("0a".repeat(32), "hex");
  return ecdh.getPublicKey("hex");
}

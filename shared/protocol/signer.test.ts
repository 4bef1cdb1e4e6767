import { inspect } from "node:util";
import { expect, test } from "vitest";
import { bytesToHex, hexToBytes } from "../crypto/bytes.ts";
import { digest } from "../crypto/digest.ts";
import { verifyDigest } from "../crypto/ed25519.ts";
import { DEMO_MERCHANT_ACCOUNT, DEMO_MERCHANT_SECRET_KEY } from "../demo.ts";
import { accountOfKey } from "./account.ts";
import { generateSecretKey, keySigner } from "./signer.ts";

const secretKey = generateSecretKey();
const signer = await keySigner(secretKey);
const subject = digest("Nonce", { a: "1" });

test("what a signer signs verifies under its key, and for nothing else", async () => {
  const signature = await signer.sign(subject);
  expect(await verifyDigest(signature, subject, signer.publicKey)).toBe(true);
  expect(await verifyDigest(signature, digest("Nonce", { a: "2" }), signer.publicKey)).toBe(false);
  expect(await verifyDigest(signature, subject, (await keySigner(generateSecretKey())).publicKey)).toBe(false);
});

test("signing is deterministic", async () => expect(await signer.sign(subject)).toBe(await signer.sign(subject)));

test("a signer's account is the one of its key", () => expect(signer.account).toBe(accountOfKey(hexToBytes(signer.publicKey))));

test("neither printing nor serialising a signer shows its secret", () => {
  const shown = inspect(signer, { depth: 9, showHidden: true }) + JSON.stringify(signer);
  expect(shown).not.toContain(bytesToHex(secretKey));
  expect(shown).toContain(signer.publicKey);
});

test("two new keys differ", () => expect(generateSecretKey()).not.toEqual(generateSecretKey()));

test("the demo merchant's account belongs to the demo merchant's key", async () => {
  expect(new TextDecoder().decode(DEMO_MERCHANT_SECRET_KEY)).toBe("LEZ-agent-pay demo merchant key!");
  expect((await keySigner(DEMO_MERCHANT_SECRET_KEY)).account).toBe(DEMO_MERCHANT_ACCOUNT);
});

/** Web Push against the RFCs' own examples, and read back by another implementation. */

import { createECDH } from "node:crypto";
import { expect, test } from "vitest";
import { fromBase64url, toBase64url, utf8 } from "../../shared/crypto/bytes.ts";
import { MAX_PUSH_TEXT_BYTES, PUSH_PADDING_BYTES } from "../../shared/limits.ts";
import { encryptPush, type KeyPair } from "../../workers/desk/notices/encrypt.ts";
import { pushKeyOf } from "../../workers/desk/notices/push-key.ts";
import { decryptPush, verifyVapid } from "./push-reader.ts";

const bytes = (text: string) => fromBase64url(text) ?? new Uint8Array();

/** RFC 8291, section 5 and appendix A. */
const RFC = {
  text: "When I grow up, I want to be a watermelon",
  serverPrivate: "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw",
  serverPublic: "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8",
  browserPrivate: "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94",
  browserPublic: "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
  auth: "BTBZMqHH6r4Tts7J_aSIgg",
  salt: "DGv6ra1nlYgDCS1FRnbzlw",
  body:
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_y" +
    "l95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN",
};

async function keyPair(publicKey: string, privateKey: string): Promise<KeyPair> {
  const point = bytes(publicKey);
  const [x, y] = [point.slice(1, 33), point.slice(33)].map(toBase64url);
  const key = { kty: "EC", crv: "P-256", x: x ?? "", y: y ?? "" };
  const curve = { name: "ECDH", namedCurve: "P-256" };
  return {
    publicKey: await crypto.subtle.importKey("jwk", key, curve, true, []),
    privateKey: await crypto.subtle.importKey("jwk", { ...key, d: privateKey }, curve, true, ["deriveBits"]),
  };
}

const keys = { p256dh: bytes(RFC.browserPublic), auth: bytes(RFC.auth) };
const browser = { privateKey: Buffer.from(RFC.browserPrivate, "base64url"), auth: Buffer.from(RFC.auth, "base64url") };

test("seals the RFC's text with the RFC's keys to the RFC's bytes [push-vector]", async () => {
  const given = { key: await keyPair(RFC.serverPublic, RFC.serverPrivate), salt: bytes(RFC.salt), padding: 0 };
  expect(toBase64url(await encryptPush(utf8(RFC.text), keys, given))).toBe(RFC.body);
  expect(decryptPush(Buffer.from(RFC.body, "base64url"), browser)).toBe(RFC.text);
});

test("seals every length so that the browser reads it, and the service learns only how many steps long it is", async () => {
  const lengths = new Map<number, number>();
  for (const length of [0, 1, PUSH_PADDING_BYTES - 1, PUSH_PADDING_BYTES, MAX_PUSH_TEXT_BYTES]) {
    const sealed = await encryptPush(utf8("x".repeat(length)), keys);
    expect(sealed.length).toBeLessThanOrEqual(4096);
    lengths.set(length, sealed.length);
    expect(decryptPush(Buffer.from(sealed), browser)).toBe("x".repeat(length));
  }
  expect(lengths.get(0)).toBe(lengths.get(PUSH_PADDING_BYTES - 1));
  expect(toBase64url(await encryptPush(utf8("x"), keys))).not.toBe(toBase64url(await encryptPush(utf8("x"), keys)));
  await expect(encryptPush(new Uint8Array(MAX_PUSH_TEXT_BYTES + 1), keys)).rejects.toThrow(RangeError);
  await expect(encryptPush(utf8("x"), { ...keys, p256dh: bytes(RFC.browserPublic).fill(7, 1) })).rejects.toThrow();
});

test("signs who sends, for one push service, for an hour [push-vapid]", async () => {
  const made = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign"]);
  const { authorization, publicKey } = await pushKeyOf(JSON.stringify(await crypto.subtle.exportKey("jwk", made.privateKey)));
  const header = await authorization(new URL("https://fcm.googleapis.com/fcm/send/abc"), "https://desk.example", 1_800_000_000);
  expect(verifyVapid(header)).toEqual({
    publicKey,
    claims: { aud: "https://fcm.googleapis.com", exp: 1_800_003_600, sub: "https://desk.example" },
  });
  const [start, token = ""] = /t=[^.]+\.([^.]+)/.exec(header) ?? [];
  expect(start).toBeDefined();
  const other = Buffer.from(JSON.stringify({ aud: "https://other.example" })).toString("base64url");
  expect(() => verifyVapid(header.replace(token, other))).toThrow("signature");
});

const other = createECDH("prime256v1");
other.generateKeys();
const otherPoint = other.getPublicKey();
test.each([
  ["nothing", ""],
  ["hex", "ab".repeat(32)],
  ["a public key", JSON.stringify({ kty: "EC", crv: "P-256", x: RFC.auth, y: RFC.auth })],
  [
    "halves of two keys",
    JSON.stringify({
      kty: "EC",
      crv: "P-256",
      x: otherPoint.subarray(1, 33).toString("base64url"),
      y: otherPoint
        .subarray(33)
        .toString("base64url")
        .replace(/^./, (first) => (first === "A" ? "B" : "A")),
      d: RFC.serverPrivate,
    }),
  ],
])("refuses %s as PUSH_KEY, without repeating it", async (_what, secret) => {
  const refusal = await pushKeyOf(secret).catch((error: unknown) => error as Error);
  expect(refusal).toMatchObject({ message: expect.stringContaining("PUSH_KEY") as string });
  if (secret) expect((refusal as Error).message).not.toContain(secret.slice(0, 12));
});

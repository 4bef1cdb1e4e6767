import { base64urlnopad } from "@scure/base";
import { CompactSign, exportJWK, generateKeyPair } from "jose";
import { describe, expect, test } from "vitest";
import { bytesToHex, utf8 } from "../crypto/bytes.ts";
import { offerPayloadSchema, readJws } from "./signed-jws.ts";

const OFFER = {
  version: 1 as const,
  resourceUrl: "https://api.example.com/premium",
  scheme: "exact",
  network: "logos:lez-testnet",
  asset: "native",
  payTo: "6eWyGpH153eS9V4aFjAqDEFuUAjVCbk1sGcSHcMx4oKj",
  amount: "10000",
  validUntil: 1_800_000_000,
};
const KID = "did:web:api.example.com#key";

const { privateKey, publicKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
const hex = bytesToHex(base64urlnopad.decode((await exportJWK(publicKey)).x ?? ""));
const sign = async (payload: unknown, header: Record<string, unknown> = {}) => ({
  format: "jws" as const,
  signature: await new CompactSign(utf8(JSON.stringify(payload)))
    .setProtectedHeader({ alg: "EdDSA", kid: KID, ...header })
    .sign(privateKey),
});
const jws = await sign(OFFER);

test("what jose signed is read, and is signed by that key alone", async () => {
  const read = readJws(jws, offerPayloadSchema);
  expect(read).toMatchObject({ kid: KID, payload: OFFER });
  expect(await read?.isSignedBy(hex)).toBe(true);
  expect(await read?.isSignedBy("5b".repeat(32))).toBe(false);
});

test("every changed character is noticed", async () => {
  for (let i = 0; i < jws.signature.length; i++) {
    const other = jws.signature[i] === "A" ? "B" : "A";
    const changed = readJws({ ...jws, signature: jws.signature.slice(0, i) + other + jws.signature.slice(i + 1) }, offerPayloadSchema);
    expect([i, (await changed?.isSignedBy(hex)) ?? false]).toEqual([i, false]);
  }
});

describe("no JWS of this kind:", () => {
  test.each([
    ["four parts", `${jws.signature}.AAAA`],
    ["two parts", jws.signature.slice(0, jws.signature.lastIndexOf("."))],
    ["padded", `${jws.signature}==`],
    ["nothing", ""],
  ])("%s", (_what, signature) => {
    expect(readJws({ format: "jws", signature }, offerPayloadSchema)).toBeUndefined();
  });
  test("a payload of another shape, or with an unknown member", async () => {
    expect(readJws(await sign({ ...OFFER, version: 2 }), offerPayloadSchema)).toBeUndefined();
    expect(readJws(await sign({ ...OFFER, more: "x" }), offerPayloadSchema)).toBeUndefined();
  });
  test("one without kid, or with an algorithm of its own", () => {
    const [, body, seal] = jws.signature.split(".");
    const head = (header: object) => base64urlnopad.encode(utf8(JSON.stringify(header)));
    for (const header of [
      { alg: "EdDSA" },
      { alg: "none", kid: KID },
      { alg: "HS256", kid: KID },
      { alg: "EdDSA", kid: KID, crit: ["b64"] },
    ])
      expect(readJws({ format: "jws", signature: `${head(header)}.${body}.${seal}` }, offerPayloadSchema)).toBeUndefined();
  });
});

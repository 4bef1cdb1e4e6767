import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { bodyDigest, canonicalJson, digest, digestPreimage, type DigestType } from "./digest.ts";

const TYPES: DigestType[] = [
  "PaymentRequest",
  "Decision",
  "Authorization",
  "Binding",
  "Nonce",
  "Transaction",
  "JournalEntry",
  "AuditEntry",
  "AuditAnchor",
  "Batch",
  "Stream",
  "Checkpoint",
  "Funding",
];

test("a digest is SHA-256 over the domain, a zero byte and the canonical JSON", () => {
  const preimage = Buffer.from('lez-x402/v1/Nonce\0{"a":"ü","b":{"c":"1"}}');
  expect(Buffer.from(digestPreimage("Nonce", { b: { c: "1" }, a: "ü" }))).toEqual(preimage);
  expect(digest("Nonce", { b: { c: "1" }, a: "ü" })).toBe(createHash("sha256").update(preimage).digest("hex"));
});

test("two types never share a digest", () => {
  expect(new Set(TYPES.map((type) => digest(type, { a: "1" }))).size).toBe(TYPES.length);
});

test("keys are sorted by UTF-16 code units, as RFC 8785 asks", () => {
  const keys = { "\u20ac": "5", "\r": "1", "\ufb33": "7", "1": "2", "\u{1F600}": "6", "\u0080": "3", "\u00f6": "4" };
  expect([...canonicalJson(keys).matchAll(/:"(\d)"/g)].map(([, value]) => value).join("")).toBe("1234567");
});

test("only what must be escaped is escaped", () => {
  expect(canonicalJson('\b\t\n\f\r"\\/\u0000\u001f\u007f\u2028é😀')).toBe(String.raw`"\b\t\n\f\r\"\\/\u0000\u001f${"\u007f\u2028é😀"}"`);
});

test("an absent member and an undefined one are the same", () => {
  expect(digest("Binding", { a: "1", b: undefined })).toBe(digest("Binding", { a: "1" }));
});

test("what JSON does not have, has no canonical form", () => {
  for (const value of [undefined, Number.NaN, Infinity, 1n, "\ud800", { a: "\ud800" }, { "\ud800": "a" }, () => 1]) {
    expect(() => canonicalJson(value)).toThrow();
  }
});

test("two objects share a canonical form only if they are equal", () => {
  const object = fc.dictionary(fc.string(), fc.string());
  fc.assert(
    fc.property(object, object, (a, b) => {
      const equal = isDeepStrictEqual({ ...a }, { ...b });
      return (canonicalJson(a) === canonicalJson(b)) === equal;
    }),
  );
});

test("a body is hashed as it is, without a domain", () => {
  const body = Buffer.from('{"q":"1"}');
  expect(bodyDigest(body)).toBe(createHash("sha256").update(body).digest("hex"));
});

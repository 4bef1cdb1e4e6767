import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as z from "zod/mini";
import { toBase64, utf8 } from "../crypto/bytes.ts";
import { MAX_FOREIGN_HEADER_BYTES, MAX_HEADER_BYTES } from "../limits.ts";
import { decodeHeader, encodeHeader } from "./headers.ts";

const decode = (header: string, maxBytes?: number) => decodeHeader(header, z.unknown(), maxBytes);
const invalid = { ok: false, code: "invalid_payload" };

test("a header is the standard padded base64 of its JSON", () => {
  expect(encodeHeader({ ü: "?>" })).toBe(Buffer.from('{"ü":"?>"}').toString("base64"));
});

test("a header is read in all four forms of base64, with spaces around it", () => {
  const value = { text: "ü?>~ÿ!" };
  const standard = encodeHeader(value);
  const urlSafe = standard.replaceAll("+", "-").replaceAll("/", "_");
  expect(standard).toMatch(/[+/].*=$/);
  for (const header of [standard, standard.replace(/=+$/, ""), urlSafe, urlSafe.replace(/=+$/, ""), ` ${standard}\t`]) {
    expect(decode(header), header).toEqual({ ok: true, value });
  }
});

describe("refused", () => {
  test.each([
    ["nothing", ""],
    ["plain JSON", '{"a":1}'],
    ["mixed alphabets", "eyJhIjoi+-8ifQ"],
    ["base64 of bytes that are not UTF-8", toBase64(Uint8Array.of(0x22, 0xff, 0x22))],
    ["base64 of a byte order mark and JSON", toBase64(utf8("\uFEFF{}"))],
    ["base64 of base64", toBase64(utf8(encodeHeader({ a: 1 })))],
    ["two headers joined by a comma", `${encodeHeader({})}, ${encodeHeader({})}`],
    ["a duplicate key", toBase64(utf8('{"a":1,"a":2}'))],
    ["a lone surrogate", toBase64(utf8(String.raw`"\ud800"`))],
    ["__proto__", toBase64(utf8('{"__proto__":1}'))],
    ["an infinite number", toBase64(utf8('{"a":1e999}'))],
    ["too much depth", toBase64(utf8("[".repeat(99) + "]".repeat(99)))],
  ])("%s", (_, header) => expect(decode(header)).toMatchObject(invalid));
});

test("the size limit counts the header as sent, at the byte", () => {
  const fitting = encodeHeader("x".repeat((MAX_HEADER_BYTES / 4) * 3 - 2));
  expect(fitting).toHaveLength(MAX_HEADER_BYTES);
  expect(decode(fitting)).toMatchObject({ ok: true });
  expect(decode(`${fitting} `)).toMatchObject({ ok: false, code: "payload_too_large" });
  expect(decode("A".repeat(10_000_000))).toMatchObject({ ok: false, code: "payload_too_large" });
});

test("a foreign 402 may be larger", () => {
  expect(decode(encodeHeader("x".repeat(40_000)), MAX_FOREIGN_HEADER_BYTES)).toMatchObject({ ok: true });
});

test("any string is answered with a value or a code", () => {
  const base64ish = fc.string({ unit: fc.constantFrom(..."ABab01+/-_= ,\n".split("")) });
  const wrapped = fc.uint8Array().map(toBase64);
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "binary" }), base64ish, wrapped), (header) => {
      const result = decode(header, 64);
      return result.ok || ["payload_too_large", "invalid_payload"].includes(result.code);
    }),
  );
});

test("any JSON value survives the round trip", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
      fc.pre(!JSON.stringify(value).includes('"__proto__":'));
      expect(decode(encodeHeader(value), 1_000_000)).toEqual({ ok: true, value: JSON.parse(JSON.stringify(value)) });
    }),
  );
});

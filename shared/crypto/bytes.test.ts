import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { badHex } from "../../test/spellings.ts";
import { decodeUtf8, fromBase64, hexSchema, toBase64, utf8 } from "./bytes.ts";

const bytes = fc.uint8Array({ maxLength: 200 });

describe("base64", () => {
  test("what is written is what Node writes", () => {
    fc.assert(fc.property(bytes, (data) => toBase64(data) === Buffer.from(data).toString("base64")));
  });

  test("is read in all four forms: standard or URL-safe, padded or not", () => {
    fc.assert(
      fc.property(bytes, (data) => {
        const standard = toBase64(data);
        const urlSafe = standard.replaceAll("+", "-").replaceAll("/", "_");
        const forms = [standard, standard.replaceAll("=", ""), urlSafe, urlSafe.replaceAll("=", "")];
        for (const form of forms) expect(fromBase64(form), form).toEqual(data);
      }),
    );
  });

  test.each([
    ["mixed alphabets", "+-+-"],
    ["mixed alphabets, other order", "_/_/"],
    ["one digit left over", "AAAAA"],
    ["too much padding", "AA==="],
    ["too little padding", "AA="],
    ["padding where none belongs", "AAAA="],
    ["padding inside", "AA==AAAA"],
    ["only padding", "===="],
    ["bits that belong to no byte", "AB=="],
    ["bits that belong to no byte, unpadded", "AB"],
    ["bits that belong to no byte, URL-safe", "_B"],
    ["a space inside", "AA AA"],
    ["a newline at the end", "AAAA\n"],
    ["a newline inside, unpadded", "AA\nAAA"],
    ["a comma, as where two headers were joined", "AAAA,AAAA"],
    ["a letter of another alphabet", "AAAА"],
    ["a NUL", "AAA\0"],
  ])("refuses %s", (_, text) => expect(fromBase64(text)).toBeUndefined());

  test("never throws", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => [true, false].includes(fromBase64(text) === undefined)));
  });
});

describe("UTF-8", () => {
  test.each([
    ["a lone continuation byte", [0x80]],
    ["a truncated sequence", [0xe2, 0x82]],
    ["an overlong slash", [0xc0, 0xaf]],
    ["an encoded surrogate", [0xed, 0xa0, 0x80]],
    ["above U+10FFFF", [0xf4, 0x90, 0x80, 0x80]],
    ["Latin-1", [0x63, 0x61, 0x66, 0xe9]],
  ])("refuses %s", (_, data) => expect(decodeUtf8(Uint8Array.from(data))).toBeUndefined());

  test("keeps a byte order mark, so that nothing with one passes for JSON", () => {
    expect(decodeUtf8(Uint8Array.from([0xef, 0xbb, 0xbf, 0x7b, 0x7d]))).toBe("\uFEFF{}");
  });

  test("well-formed text survives the round trip", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => decodeUtf8(utf8(text)) === text));
  });
});

test("hex is lowercase and of exact length", () => {
  for (const size of [32, 64]) {
    const schema = hexSchema(size);
    expect(schema.safeParse("0f".repeat(size)).success).toBe(true);
    expect(badHex(size).filter((text) => schema.safeParse(text).success)).toEqual([]);
  }
});

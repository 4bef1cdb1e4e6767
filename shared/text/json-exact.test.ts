import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as z from "zod/mini";
import { MAX_AMOUNT, MAX_JSON_DEPTH } from "../limits.ts";
import { type ExactJson, parseJson, parseJsonExact, writeJsonExact } from "./json.ts";

const parse = (text: string) => parseJsonExact(text, 1_000_000, z.unknown());
const value = (text: string) => {
  const parsed = parse(text);
  return parsed.ok ? parsed.value : parsed.problem;
};

describe("an integer", () => {
  test.each<[string, number | bigint]>([
    ["0", 0],
    ["999999999999999", 999_999_999_999_999],
    ["-999999999999999", -999_999_999_999_999],
    ["1000000000000000", 1_000_000_000_000_000n],
    ["-1000000000000000", -1_000_000_000_000_000n],
    ["9007199254740993", 9_007_199_254_740_993n],
    ["340282366920938463463374607431768211455", MAX_AMOUNT],
  ])("%s is read exactly", (text, expected) => {
    expect(value(text)).toBe(expected);
    expect(value(`{"a":[${text}]}`)).toEqual({ a: [expected] });
  });

  test.each(["1.0", "1e3", "1E+3", "0.5", "-0", "1e999", "9007199254740993.0", "-1e-9"])("%s is refused", (text) => {
    for (const spelled of [text, `{"a":[${text}]}`, String.raw`{"a":"\"","b":${text}}`]) {
      expect(parse(spelled)).toMatchObject({ ok: false, code: "invalid_payload" });
    }
  });

  test("with more digits than any u128 is refused, without the work that a long one makes", () => {
    expect(value("9".repeat(39))).toBe(10n ** 39n - 1n);
    expect(value("1".repeat(40))).toBe("a number is too large");
    expect(value("1".repeat(900_000))).toBe("a number is too large");
  });

  test("is told from a string of its digits", () => {
    expect(value('["9007199254740993","1"]')).toEqual(["9007199254740993", "1"]);
  });
});

test("what parseJson refuses is refused here, with the same words", () => {
  const nested = `${"[".repeat(MAX_JSON_DEPTH + 1)}${"]".repeat(MAX_JSON_DEPTH + 1)}`;
  for (const text of ["", "{", "01", '{"a":1,"a":2}', '{"__proto__":1}', String.raw`"\ud800"`, nested, "[1,]"]) {
    expect(parse(text)).toEqual(parseJson(text, 1_000_000, z.unknown()));
  }
  expect(parseJsonExact("[1,2]", 4, z.unknown())).toMatchObject({ code: "payload_too_large" });
  expect(parseJsonExact("[1]", 4, z.string())).toEqual({ ok: false, code: "invalid_payload", problem: "value: must be of type string" });
});

/** Reads JSON by another way: every integer outside a string becomes an object of its digits before `JSON.parse` sees it. */
function reference(text: string): unknown {
  const marked = text.replaceAll(/"(?:\\.|[^"\\])*"|-?\d+/g, (token) => (token.startsWith('"') ? token : `{"integer":"${token}"}`));
  return JSON.parse(marked, (_, node: unknown) => {
    if (typeof node !== "object" || node === null || !("integer" in node)) return node;
    const digits = String(node.integer);
    return digits.replace("-", "").length < 16 ? Number(digits) : BigInt(digits);
  });
}

test("arbitrary JSON is read as the reference reads it, and written back", () => {
  const integer = fc.oneof(
    fc.bigInt({ min: -(10n ** 18n), max: 10n ** 18n }),
    fc.bigInt({ min: 0n, max: MAX_AMOUNT }),
    fc.constantFrom(0n, 10n ** 15n, 10n ** 15n - 1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 64n, MAX_AMOUNT),
  );
  const key = fc.string({ maxLength: 4 }).filter((name) => name !== "__proto__" && name !== "integer");
  const { json } = fc.letrec<{ json: ExactJson }>((tie) => ({
    json: fc.oneof(
      { depthSize: "small" },
      integer,
      fc.string({ unit: "grapheme", maxLength: 8 }),
      integer.map(String),
      fc.constantFrom(true, false, null),
      fc.array(tie("json"), { maxLength: 4 }),
      fc.dictionary(key, tie("json"), { maxKeys: 4, noNullPrototype: true }),
    ),
  }));
  fc.assert(
    fc.property(json, (tree) => {
      const text = writeJsonExact(tree);
      const parsed = parse(text);
      expect(parsed).toEqual({ ok: true, value: reference(text) });
      expect(parsed.ok && writeJsonExact(parsed.value as ExactJson)).toBe(text);
    }),
    { numRuns: 400 },
  );
});

test("a u128 is written as a bare integer", () => {
  expect(writeJsonExact({ nonce: 0n, balance: MAX_AMOUNT, data: [1, "2", null, true] })).toBe(
    '{"nonce":0,"balance":340282366920938463463374607431768211455,"data":[1,"2",null,true]}',
  );
});

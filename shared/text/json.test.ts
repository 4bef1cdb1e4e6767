import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as z from "zod/mini";
import { utf8 } from "../crypto/bytes.ts";
import { MAX_JSON_DEPTH } from "../limits.ts";
import { checkShape, parseJson } from "./json.ts";

const parse = (input: string | Uint8Array, maxBytes = 1_000_000) => parseJson(input, maxBytes, z.unknown());
const nested = (depth: number, open: string, close: string) => open.repeat(depth) + close.repeat(depth);

describe("what is refused although JSON.parse takes it", () => {
  test.each([
    ["a duplicate key", '{"a":1,"a":1}'],
    ["a duplicate key far away", '{"a":1,"b":{"a":2},"c":[{"a":3}],"a":4}'],
    ["a duplicate of an escaped key", String.raw`{"a":1,"\u0061":2}`],
    ["a duplicate of two escaped keys", String.raw`{"\u0061":1,"\u0061":2}`],
    ["a duplicate empty key", '{"":1,"":2}'],
    ["a duplicate key with a quote in it", String.raw`{"a\"":1,"a\u0022":2}`],
    ["a duplicate key with a backslash at its end", String.raw`{"a\\":1,"a\u005c":2}`],
    ["a duplicate key in an inner object", '[[{"x":{"a":1,"b":2,"a":3}}]]'],
    ["__proto__ as a key", '{"__proto__":{}}'],
    ["__proto__ as an escaped key", String.raw`{"\u005f_proto__":{}}`],
    ["a lone high surrogate", String.raw`{"a":"\ud800"}`],
    ["a lone low surrogate", String.raw`["\udfff"]`],
    ["two surrogates in the wrong order", String.raw`"\udc00\ud800"`],
    ["a lone surrogate in a key", String.raw`{"\ud83d":1}`],
    ["a number above the largest double", '{"a":1e999}'],
    ["a negative number below the lowest double", "[-1E+400]"],
    ["an integer of 400 digits", `[0, ${"9".repeat(400)}]`],
    ["objects nested too deep", `${'{"a":'.repeat(MAX_JSON_DEPTH + 1)}0${"}".repeat(MAX_JSON_DEPTH + 1)}`],
    ["arrays nested too deep", nested(MAX_JSON_DEPTH + 1, "[", "]")],
    ["half a million arrays", nested(400_000, "[", "]")],
  ])("%s", (_, text) => {
    expect(parse(text)).toMatchObject({ ok: false, code: "invalid_payload" });
    expect(parse(utf8(text))).toMatchObject({ ok: false, code: "invalid_payload" });
    expect(() => JSON.parse(text) as unknown).not.toThrow();
  });
});

test("a text is refused with escapes exactly if it is refused without", () => {
  const key = fc.constantFrom("a", "b", "__proto__", "a:b", ":");
  const space = fc.constantFrom("", "", " ", "\n\t ");
  const { value } = fc.letrec<{ value: string }>((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      fc.constantFrom("1", "-1e999", "true", "null", '""', '":"', '"[{,"', '"é"', '"a\ud800"'),
      fc.array(tie("value"), { maxLength: 3 }).map((items) => `[${items.join(",")}]`),
      fc
        .array(fc.tuple(key, space, space, tie("value")), { maxLength: 4 })
        .map((members) => `{${members.map(([key, before, after, value]) => `"${key}"${before}:${after}${value}`).join(",")}}`),
    ),
  }));
  fc.assert(
    fc.property(value, (text) => {
      const [plain, escaped] = [parse(`[${text}]`), parse(String.raw`[${text},"\\"]`)];
      expect(plain.ok).toBe(escaped.ok);
      expect(!plain.ok && plain.problem).toBe(!escaped.ok && escaped.problem);
    }),
    { numRuns: 500 },
  );
});

test("a lone surrogate that is not escaped is refused in text; bytes cannot have one", () => {
  for (const text of ['{"a":"\ud800"}', '{"\udfff":1}']) expect(parse(text)).toMatchObject({ ok: false, code: "invalid_payload" });
});

describe("what looks like it and is fine", () => {
  test.each([
    ["one key in two objects", '[{"a":1},{"a":1}]'],
    ["one key in an object and in its child", '{"a":{"a":{"a":1}}}'],
    ["a value that equals a key", '{"a":"a","b":"a"}'],
    ["strings in an array that are equal", '{"a":["x","x"]}'],
    ["brackets, braces and commas in strings", `{"a":"${"[{,".repeat(50)}","b":"}]"}`],
    ["escaped quotes and backslashes at the end of strings", String.raw`{"a\\":"\\\"","b":"\\"}`],
    ["__proto__ as a value", '{"a":"__proto__"}'],
    ["constructor and toString as keys", '{"constructor":1,"toString":2,"hasOwnProperty":3}'],
    ["a surrogate pair, escaped", String.raw`{"\ud83d\ude00":"\ud83d\ude00"}`],
    ["numbers in all spellings", "[0,-0,1.5,1e3,-1E-3,5e-324,1.7976931348623157e308,1e-999]"],
    ["digits in strings", '["1e999","-9e9999"]'],
    ["depth at the limit", nested(MAX_JSON_DEPTH, "[", "]")],
    ["many objects side by side", `[${Array.from({ length: 5000 }, () => '{"a":[]}').join(",")}]`],
    ["white space everywhere", ' \n{ "a" :\t1 , "b" : [ { "a" : true } , null ] }\r\n'],
  ])("%s", (_, text) => expect(parse(text)).toEqual({ ok: true, value: JSON.parse(text) }));
});

describe("what is not JSON at all", () => {
  test.each([
    "",
    " ",
    "{",
    "undefined",
    "NaN",
    "{'a':1}",
    "{a:1}",
    "[1,]",
    "01",
    "+1",
    "1e",
    '"\n"',
    "{}{}",
    "{}\0",
    "\uFEFF{}",
    "/**/{}",
    '{"a":1}}',
  ])("%j", (text) => {
    expect(parse(text)).toEqual({ ok: false, code: "invalid_payload", problem: "not JSON", syntax: true });
  });

  test("bytes that are not UTF-8", () => {
    const text = utf8('{"a":"é"}');
    text[6] = 0xff;
    expect(parse(text)).toEqual({ ok: false, code: "invalid_payload", problem: "not UTF-8" });
  });
});

describe("size", () => {
  test("is counted in bytes, for text as for bytes", () => {
    const text = '"éé"'; // 6 bytes, 4 characters
    for (const input of [text, utf8(text)]) {
      expect(parse(input, 6)).toMatchObject({ ok: true });
      expect(parse(input, 5)).toMatchObject({ ok: false, code: "payload_too_large" });
    }
  });

  test("comes before everything else", () => {
    expect(parse("{".repeat(5_000_000), 100)).toMatchObject({ code: "payload_too_large" });
    expect(parse(new Uint8Array(5_000_000).fill(0xff), 100)).toMatchObject({ code: "payload_too_large" });
  });
});

describe("problems", () => {
  const schema = z.strictObject({ a: z.strictObject({ b: z.string() }) });
  const problem = (text: string) => {
    const result = parseJson(text, 100_000, schema);
    return result.ok ? "" : result.problem;
  };

  test("name the place", () => {
    expect(problem('{"a":{"b":1}}')).toMatch(/^a\.b: /);
    expect(problem('{"a":{"b":"","c":1}}')).toBe('a: unknown key "c"');
    expect(problem("[]")).toMatch(/^value: /);
  });

  test("say what must be there, also if the schema has no words of its own", () => {
    const text = { a: z.string(), b: z.literal(2), c: z.enum(["one", "two"]), d: z.string("must be said") };
    const schema = z.discriminatedUnion("kind", [
      z.strictObject({ kind: z.literal("x"), ...text }),
      z.strictObject({ kind: z.literal("y") }),
    ]);
    const right = { kind: "x", a: "", b: 2, c: "one", d: "" };
    const problem = (wrong: unknown) => checkShape(wrong, schema);
    expect(problem(right)).toMatchObject({ ok: true });
    expect(problem(null)).toMatchObject({ problem: "value: must be of type object" });
    expect(problem({ ...right, kind: "z" })).toMatchObject({ problem: 'kind: must be "x" or "y"' });
    expect(problem({ ...right, a: 1 })).toMatchObject({ problem: "a: must be of type string" });
    expect(problem({ ...right, b: "2" })).toMatchObject({ problem: "b: must be 2" });
    expect(problem({ ...right, c: "three" })).toMatchObject({ problem: 'c: must be "one" or "two"' });
    expect(problem({ ...right, d: 1 })).toMatchObject({ problem: "d: must be said" });
  });

  test("stay short and well-formed, whatever the keys are", () => {
    for (const length of [290, 291, 292, 293, 10_000]) {
      const text = problem(JSON.stringify({ a: { b: "", [`${"x".repeat(length % 4)}${"😀".repeat(length)}`]: 1 } }));
      expect(text.length).toBeLessThanOrEqual(300);
      expect(text.isWellFormed()).toBe(true);
    }
  });
});

const isDocumented = (result: ReturnType<typeof parse>) => result.ok || ["payload_too_large", "invalid_payload"].includes(result.code);

describe("for any input", () => {
  test("bytes are answered with a value or a code", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (input) => isDocumented(parse(input, 200))));
  });

  test("text made of JSON's own characters is answered with a value or a code, and never read differently from JSON.parse", () => {
    const piece = fc.constantFrom(
      ...'{}[],:"\\ue0-19.+ \n'.split(""),
      "true",
      "null",
      '"a"',
      '"a":',
      '{"a":1}',
      "[1]",
      String.raw`"\u0061"`,
      "\ud800",
    );
    fc.assert(
      fc.property(fc.string({ unit: piece, maxLength: 20 }), (text) => {
        const result = parse(text);
        if (result.ok) expect(result.value).toEqual(JSON.parse(text));
        return isDocumented(result);
      }),
      { numRuns: 500 },
    );
  });

  test("whatever JSON.stringify makes is read back", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 8, stringUnit: "binary" }), (value) => {
        const text = JSON.stringify(value);
        fc.pre(!text.includes('"__proto__":'));
        expect(parse(text)).toEqual({ ok: true, value: JSON.parse(text) });
      }),
    );
  });
});

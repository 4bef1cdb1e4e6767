import { describe, expect, test } from "vitest";
import { utf8 } from "../crypto/bytes.ts";
import { bodyDigest } from "../crypto/digest.ts";
import { MAX_BODY_LINES, MAX_BODY_SHOWN } from "../limits.ts";
import { indentJson } from "./indent-json.ts";
import { readable, sentParagraphs, sentRequest } from "./sent-request.ts";

const http = (body: Uint8Array) => ({ method: "POST", url: "https://shop.example/", bodySha256: bodyDigest(body) });
const sent = (body: Uint8Array, headers: [string, string][] = [["Content-Type", "application/json"]]) =>
  sentRequest(http(body), { headers, body });

describe("a body", () => {
  test("is shown only if it is the one that was asked for [body-hashes-right]", () => {
    const asked = http(utf8('{"city":"Zurich"}'));
    expect(sentRequest(asked, undefined).body).toEqual({ kind: "unseen", why: "only the agent's machine has it" });
    const other = sentRequest(asked, { headers: [], body: utf8('{"city":"Geneva"}') });
    expect(other.body).toEqual({ kind: "unseen", why: "the agent's copy of it is another one" });
    expect(sentParagraphs(other)).toEqual([]);
  });

  test("of JSON is indented, and of text stands as it is, with every acting character as its number", () => {
    expect(sentParagraphs(sent(utf8('{"a":[1,2],"b":{}}')))).toEqual([
      "Headers, which the payment does not cover:",
      "Content-Type: application/json",
      "",
      "Body: 18 bytes, application/json:",
      "{",
      '  "a": [',
      "    1,",
      "    2",
      "  ],",
      '  "b": {}',
      "}",
    ]);
    const { body } = sent(utf8("q=1\u001b[2J\r\n\u202Eto"), []);
    expect(body).toMatchObject({ lines: ["q=1⟦U+001B⟧[2J⟦U+000D⟧", "⟦U+202E⟧to"], contentType: "no type" });
  });

  test("that is not text has type and size", () => {
    for (const bytes of [Uint8Array.of(0xff, 0xd8), utf8("a\0b")]) {
      const image = sent(bytes, [["content-type", "image/jpeg"]]);
      expect([readable(image.body), sentParagraphs(image).at(-1)]).toEqual(["binary", `Body: ${bytes.length} bytes, image/jpeg`]);
    }
  });

  test.each([
    ["one line", "x".repeat(MAX_BODY_SHOWN + 1)],
    ["many lines", "x\n".repeat(MAX_BODY_LINES)],
    ["invisible characters", "\u200B".repeat(MAX_BODY_SHOWN / 2)],
  ])("without end is cut, and that is said: %s", (_, text) => {
    const { body } = sent(utf8(text));
    expect(readable(body)).toBe("part");
    const lines = body.kind === "text" ? body.lines : [];
    expect(lines.length).toBeLessThanOrEqual(MAX_BODY_LINES + 1);
    expect(lines.join("").length).toBeLessThan(MAX_BODY_SHOWN + 100);
    expect(lines.at(-1)).toMatch(/… and \d+ more (lines|characters)$/);
  });
});

test("headers are named, and credentials are not shown [headers-without-secrets]", () => {
  const secret = [
    "Authorization",
    "Cookie",
    "Proxy-Authorization",
    "X-Api-Key",
    "X-Auth-Token",
    "Api-Key",
    "X-CSRF-Token",
    "PRIVATE-TOKEN",
  ];
  const { headers } = sent(utf8("{}"), [
    ...secret.map((name): [string, string] => [name, "s3cret"]),
    ["X-Tone", "short"],
    ["Author", "Ann"],
  ]);
  expect(headers).toEqual([...secret.map((name) => `${name}: (hidden)`), "X-Tone: short", "Author: Ann"]);
  const many = sent(
    utf8("{}"),
    Array.from({ length: 25 }, (_, i) => [`X-${i}`, "y".repeat(1000)]),
  );
  expect(many.headers).toHaveLength(21);
  expect(many.headers[0]).toMatch(/^X-0: y+ … and 840 more characters$/);
});

describe("indenting JSON", () => {
  test.each([
    ["a number that a parser would round", '{"n":12345678901234567890.10}', '{\n  "n": 12345678901234567890.10\n}'],
    ["a name that occurs twice", '{"to":"a","to":"b"}', '{\n  "to": "a",\n  "to": "b"\n}'],
    ["escapes and punctuation in strings", '["\\u0061,]}\\"",":"]', '[\n  "\\u0061,]}\\"",\n  ":"\n]'],
    ["white space", " [ 1 , [ ] ,\n{ } ] ", "[\n  1,\n  [],\n  {}\n]"],
  ])("keeps %s", (_, text, indented) => {
    expect(indentJson(text)).toBe(indented);
    expect(JSON.stringify(JSON.parse(indented))).toBe(JSON.stringify(JSON.parse(text)));
  });

  test.each(["", "text", '"a string"', "12", '{"a":1,}', "[1] and more"])("leaves %j as it is", (text) => {
    expect(indentJson(text)).toBeUndefined();
  });
});

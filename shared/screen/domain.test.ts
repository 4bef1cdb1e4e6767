import { domainToUnicode } from "node:url";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { unicodeDomain } from "./domain.ts";

const hostOf = (name: string) => URL.parse(`https://${name}/`)?.hostname;

test.each([
  ["xn--80ak6aa92e.com", "аррӏе.com"],
  ["xn--mnchen-3ya.example", "münchen.example"],
  ["shop.xn--wgv71a119e.example", "shop.日本語.example"],
  ["api.example.com", "api.example.com"],
  ["127.0.0.1", "127.0.0.1"],
  ["[::1]", "[::1]"],
])("%s is %s", (ascii, unicode) => {
  expect(unicodeDomain(ascii)).toBe(unicode);
});

test("every host name reads as Node reads it", () => {
  const letters = fc.string({ unit: fc.constantFrom(...Array.from("abxyz019-äßçаррӏеλόγος東京日本קरम")), minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(fc.array(letters, { minLength: 1, maxLength: 3 }), (labels) => {
      const host = hostOf(labels.join("."));
      fc.pre(host !== undefined);
      expect(unicodeDomain(host ?? "")).toBe(domainToUnicode(host ?? ""));
    }),
    { numRuns: 2000 },
  );
});

test("a label that decodes to nothing is left as it is", () => {
  expect(unicodeDomain("xn--\u0000.example")).toBe("xn--\u0000.example");
  expect(unicodeDomain("xn--99999999.example")).toBe("xn--99999999.example");
});

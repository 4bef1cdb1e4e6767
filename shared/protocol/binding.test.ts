import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { offerOf, stranger } from "../../test/fixtures.ts";
import { BAD_METHODS, BAD_URLS } from "../../test/spellings.ts";
import type { Digest } from "../crypto/digest.ts";
import { bindingOf, type BindingScope, bindingScope, type BoundRequest, boundRequestSchema, canonicalUrl } from "./binding.ts";

const request: BoundRequest = {
  method: "POST",
  url: "https://merchant.example.com/premium?q=1",
  bodySha256: "cd".repeat(32) as Digest,
};
const offer = offerOf();

describe("a binding", () => {
  test("changes with every part of the request and of the terms", () => {
    const requests: Partial<BoundRequest>[] = [
      { method: "PUT" },
      { url: "https://merchant.example.com/premium" },
      { url: "http://merchant.example.com/premium?q=1" },
      { bodySha256: "ce".repeat(32) as Digest },
      { bodySha256: undefined },
    ];
    const terms = [{ network: "logos:other" }, { asset: "other" }, { amount: "10001" }, { payTo: stranger.account }];
    const bindings = [
      bindingOf(request, offer),
      ...requests.map((change) => bindingOf({ ...request, ...change }, offer)),
      ...terms.map((change) => bindingOf(request, { ...offer, ...change })),
    ];
    expect(new Set(bindings).size).toBe(bindings.length);
  });

  test("of HEAD is the one of GET", () => {
    expect(bindingOf({ ...request, method: "HEAD" }, offer)).toBe(bindingOf({ ...request, method: "GET" }, offer));
  });

  test("does not depend on what else the offer says", () => {
    expect(bindingOf(request, offerOf({ maxTimeoutSeconds: 5, extra: { a: 1 } }))).toBe(bindingOf(request, offer));
  });
});

describe("the scope of a binding, recomputed", () => {
  const { method, url, bodySha256 } = request;
  const route = "https://merchant.example.com/premium";
  test.each<[BindingScope | undefined, BoundRequest]>([
    ["query+body", request],
    ["query", { method, url }],
    ["route+body", { method, url: route, bodySha256 }],
    ["route", { method, url: route }],
    [undefined, { method: "GET", url }],
    [undefined, { method, url: "https://merchant.example.com/other" }],
    [undefined, { method, url: `${url}&r=2` }],
  ])("is %s", (scope, bound) => {
    expect(bindingScope(request, offerOf({ extra: { binding: bindingOf(bound, offer) } }))).toBe(scope);
  });

  test("is none where the offer has no binding", () => {
    const { extra: _, ...bare } = offer;
    for (const terms of [bare, { ...bare, extra: null }, { ...bare, extra: {} }, { ...bare, extra: { binding: null } }]) {
      expect(bindingScope(request, terms)).toBe("none");
    }
  });

  test("a binding made for other terms fits no scope", () => {
    const binding = bindingOf(request, { ...offer, amount: "1" });
    expect(bindingScope(request, offerOf({ extra: { binding } }))).toBeUndefined();
  });
});

describe("a bound request", () => {
  test("has a method and a URL of one spelling", () => {
    expect(BAD_URLS.filter((url) => boundRequestSchema.safeParse({ method: "GET", url }).success)).toEqual([]);
    expect(BAD_METHODS.filter((method) => boundRequestSchema.safeParse({ ...request, method }).success)).toEqual([]);
  });

  test.each([
    ["https://MERCHANT.example.com:443/a/../b?q=é#top", "https://merchant.example.com/b?q=%C3%A9"],
    ["http://merchant.example.com:80", "http://merchant.example.com/"],
    ["https://mérchant.example.com/", "https://xn--mrchant-bya.example.com/"],
    ["http://[::1]:8787/", "http://[::1]:8787/"],
    ["http://0x7f.1/", "http://127.0.0.1/"],
  ])("the URL %s is written %s", (input, canonical) => expect(canonicalUrl(input)).toBe(canonical));

  test("what is written canonically stays as it is", () => {
    fc.assert(
      fc.property(fc.webUrl({ withQueryParameters: true, withFragments: true }), (url) => {
        const once = canonicalUrl(url);
        return once === undefined || (canonicalUrl(once) === once && !once.includes("#"));
      }),
    );
  });

  test("any string is judged without throwing", () => {
    fc.assert(fc.property(fc.string(), (text) => ["string", "undefined"].includes(typeof canonicalUrl(text))));
  });
});

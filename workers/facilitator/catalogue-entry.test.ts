import { describe, expect, test } from "vitest";
import { MAX_DECLARATION_BYTES, MAX_DESCRIPTION_LENGTH, MAX_LISTED_ADDRESS_LENGTH } from "../../shared/limits.ts";
import { offerOf } from "../../test/fixtures.ts";
import { catalogueEntry } from "./catalogue-entry.ts";

const PAID = "https://shop.example/weather?city=Zurich";
const INFO = { input: { type: "http", method: "GET", queryParams: { city: "Zurich" } }, output: { type: "json", example: { celsius: 3 } } };

interface Said {
  resource?: object;
  bazaar?: object;
}

function entryOf({ resource, bazaar }: Said = {}, isLocal = false) {
  const paymentPayload = {
    x402Version: 2,
    accepted: offerOf(),
    resource: { url: PAID, description: "Weather", mimeType: "application/json", ...resource },
    extensions: {
      "payment-identifier": { info: { id: "pay_of_the_buyer_0001" } },
      bazaar: { info: INFO, schema: { type: "object" }, ...bazaar },
    },
  };
  return catalogueEntry(paymentPayload, "payment", isLocal);
}

const addressOf = (said: Said, isLocal?: boolean) => entryOf(said, isLocal)?.item.resource;

test("has the members of the official catalogue, and nothing of this buyer [discovery-entry]", () => {
  const { payTo, extra } = offerOf();
  const { binding: _, ...kept } = extra ?? {};
  expect(entryOf({ resource: { serviceName: "Shop", tags: ["weather"], iconUrl: "https://shop.example/icon.png" } })).toEqual({
    key: `GET https://shop.example/weather ${payTo} exact`,
    payTo,
    scheme: "exact",
    proof: "payment",
    words: "shop\nweather\nweather\nhttps://shop.example/weather",
    item: {
      resource: "https://shop.example/weather",
      type: "http",
      x402Version: 2,
      accepts: [{ ...offerOf(), extra: kept }],
      description: "Weather",
      mimeType: "application/json",
      serviceName: "Shop",
      tags: ["weather"],
      extensions: { bazaar: { info: INFO, schema: { type: "object" } } },
      metadata: { proof: "payment" },
    },
  });
});

test("there is none without the seller's opt-in, or for what is no HTTP route", () => {
  const none = { x402Version: 2, accepted: offerOf(), resource: { url: PAID }, extensions: {} };
  expect(catalogueEntry(none, "seller", true)).toBeUndefined();
  for (const input of [{ type: "mcp", toolName: "x", inputSchema: {} }, { type: "http" }, { type: "http", method: "TRACE" }, null])
    expect(entryOf({ bazaar: { info: { input } } }), JSON.stringify(input)).toBeUndefined();
});

describe("an address", () => {
  test.each([
    "http://shop.example/weather",
    "https://127.0.0.1/weather",
    "https://2130706433/weather",
    "https://0x7f000001/weather",
    "https://[::1]/weather",
    "https://192.168.1.1/admin",
    "https://localhost/weather",
    "https://router/weather",
    "https://printer.local/weather",
    "https://metadata.google.internal/weather",
    "https://ｌｏｃａｌｈｏｓｔ/weather",
    "https://user:secret@shop.example/weather",
    "javascript:alert(1)",
    "file:///etc/passwd",
    "shop.example/weather",
    `https://shop.example/${"a".repeat(MAX_LISTED_ADDRESS_LENGTH)}`,
  ])("%s is not listed [discovery-public-addresses]", (url) => {
    expect(addressOf({ resource: { url } })).toBeUndefined();
  });

  test("is of this machine only where the operator says so", () => {
    expect(addressOf({ resource: { url: "http://127.0.0.1:8787/weather?x=1#y" } }, true)).toBe("http://127.0.0.1:8787/weather");
  });

  test("has its host in ASCII, and its path without dots", () => {
    expect(addressOf({ resource: { url: "https://bänk.example/a/../%2e%2e/b" } })).toBe("https://xn--bnk-qla.example/b");
  });
});

describe("a template", () => {
  const at = (path: string, routeTemplate: string) =>
    addressOf({ resource: { url: `https://shop.example${path}` }, bazaar: { routeTemplate } });

  test("stands for the parameters of the path that was paid", () => {
    expect(at("/users/7/orders/9", "/users/:user/orders/:order")).toBe("https://shop.example/users/:user/orders/:order");
    expect(
      entryOf({ bazaar: { routeTemplate: "/weather", info: { input: { ...INFO.input, pathParams: { secret: "7" } } } } }),
    ).not.toHaveProperty("item.extensions.bazaar.info.input.pathParams");
  });

  test.each([
    ["/users/7", "/:any"],
    ["/users", "/:any"],
    ["/users/7", "/:a/:b"],
    ["/users/7", "/accounts/:id"],
    ["/users/7", "/users/:id/orders"],
    ["/users/7", "/users/*"],
    ["/users/7", "users/:id"],
    ["/users/7", "//bank.example/:id"],
    ["/users/7", "https://bank.example/:id"],
    ["/users/7", "/users/../:id"],
    ["/users/7", "/users/%252e%252e"],
    ["/users/", "/users/:id"],
    ["/users/7", `/users/:${"x".repeat(40)}`],
    ["/users/7", ""],
  ])("for %s may not be %s: nothing is listed, not even the buyer's path [discovery-template-fits]", (path, template) => {
    expect(at(path, template)).toBeUndefined();
  });
});

describe("a stranger's words", () => {
  test("are cut, and show what would move or hide text [discovery-harmless-words]", () => {
    const description = `\u202Egnp.exe\u200B\n\u001B[31m${"x".repeat(10_000)}`;
    const tags = ["a", "a", "ü", "\n", 7, "b".repeat(33), "c", "d", "e", "f", "g"];
    const item = entryOf({ resource: { description, mimeType: { no: "text" }, serviceName: "Bänk", tags } })?.item;
    expect(item?.description).toMatch(/^⟦U\+202E⟧gnp\.exe⟦U\+200B⟧⟦U\+000A⟧⟦U\+001B⟧\[31mx+ … and \d+ more characters$/);
    expect(item?.description?.length).toBeLessThan(MAX_DESCRIPTION_LENGTH + 40);
    expect(item).not.toHaveProperty("mimeType");
    expect(item).not.toHaveProperty("serviceName");
    expect(item?.tags).toEqual(["a", "c", "d", "e", "f"]);
  });

  test("about the input are listed as they are, unless they are long: then the method alone", () => {
    const evil = { ...INFO, input: { ...INFO.input, headers: { x: "\u202E" } } };
    const schema = { $ref: "https://bank.example/schema.json", pattern: "(a+)+$" };
    expect(entryOf({ bazaar: { info: evil, schema } })?.item.extensions.bazaar).toEqual({
      info: { ...INFO, input: { ...INFO.input, headers: { x: "⟦U+202E⟧" } } },
      schema,
    });
    const long = { info: { ...INFO, output: { example: "x".repeat(MAX_DECLARATION_BYTES) } } };
    expect(entryOf({ bazaar: long })?.item.extensions.bazaar).toEqual({ info: { input: { type: "http", method: "GET" } } });
  });
});

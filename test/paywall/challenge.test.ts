/** The 402 and everything that is decided before the facilitator is asked. */

import { type Context, Hono, type MiddlewareHandler } from "hono";
import { validator } from "hono/validator";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import { MAX_CACHED_CHALLENGES, MAX_HEADER_BYTES, MAX_REQUEST_BODY_BYTES, MAX_URL_LENGTH } from "../../shared/limits.ts";
import { encodeHeader, PAYMENT_SIGNATURE } from "../../shared/x402/headers.ts";
import { keepBody, paywall, paywallCors, type PaywallEnv } from "../../workers/merchant/paywall/index.ts";
import { checkOptions } from "../../workers/merchant/paywall/options.ts";
import { Challenges } from "../../workers/merchant/paywall/terms/challenge.ts";
import { createWorld, ORIGIN, PRICE, termsOf, verdict } from "./world.ts";

let world: Awaited<ReturnType<typeof createWorld>>;
beforeEach(async () => {
  world = await createWorld();
});
const goods = vi.fn((c) => c.text("goods"));

describe("the challenge", () => {
  test("carries the terms in the header, the same in the body, and is stored nowhere [paywall-challenge]", async () => {
    const response = await world.shop(goods, { description: "An item", mimeType: "text/plain" }).get("/item/1");
    const terms = termsOf(response);
    expect(response.status).toBe(402);
    expect(response.headers.get("Cache-Control")).toBe("no-store");
    expect(terms).toEqual({
      x402Version: 2,
      error: "payment_required",
      resource: { url: `${ORIGIN}/item/1`, description: "An item", mimeType: "text/plain" },
      accepts: [
        {
          scheme: "exact",
          network: "logos:lez-testnet",
          amount: PRICE,
          asset: "native",
          payTo: DEMO_MERCHANT_ACCOUNT,
          maxTimeoutSeconds: 900,
          extra: { binding: expect.stringMatching(/^[0-9a-f]{64}$/), ledger: world.ledger.info().ledger },
        },
      ],
    });
    expect(await response.json()).toMatchObject({ ...terms, problem: { code: "payment_required" } });
  });

  test("is a page for a browser, in which a hostile description is only text", async () => {
    const shop = world.shop(goods, { description: '<script>alert("x")</script>\u202E' });
    const response = await shop.get("/item/1", { headers: { Accept: "text/html,application/xhtml+xml" } });
    const page = await response.text();
    expect(response.headers.get("Content-Type")).toContain("text/html");
    expect(page).toContain("&lt;script&gt;");
    expect(page).not.toContain("<script>");
    expect(page).toContain("⟦U+202E⟧");
    expect(termsOf(response)?.accepts[0]?.amount).toBe(PRICE);
  });

  test("names the public origin where one is configured", async () => {
    world.env.PUBLIC_ORIGIN = "https://shop.example.com";
    expect(termsOf(await world.shop(goods).get("/item/1"))?.resource.url).toBe("https://shop.example.com/item/1");
  });

  test.each(["shop.example.com", "shop.example.com:8443", "ftp://shop.example.com"])(
    "is not given out under a public origin that is none: %s",
    async (origin) => {
      world.env.PUBLIC_ORIGIN = origin;
      expect(verdict(await world.shop(goods).get("/item/1"))).toBe("500 internal_error");
    },
  );

  test("is encoded once per URL, and the cache is bounded", async () => {
    const challenges = new Challenges(checkOptions({ amount: PRICE }));
    let made: unknown;
    const app = new Hono<PaywallEnv>().get("*", async (c) => {
      made = await challenges.of(c, { payTo: DEMO_MERCHANT_ACCOUNT, storesAnswers: false, flow: "authorization" });
      return c.text("");
    });
    const make = async (n: number) => {
      await app.request(`${ORIGIN}/item/${n}`, {}, world.env);
      return made;
    };
    const first = await make(0);
    expect(await make(0)).toBe(first);
    for (let n = 1; n <= MAX_CACHED_CHALLENGES; n++) await make(n);
    expect(await make(0)).not.toBe(first);
  });
});

describe("what an offer is bound to", () => {
  const bindingOf = async (shop: ReturnType<typeof world.shop>, path: string, init?: RequestInit) =>
    termsOf(await shop.get(path, init))?.accepts[0]?.extra?.["binding"];

  test("the query, for GET", async () => {
    const shop = world.shop(goods);
    expect(await bindingOf(shop, "/item/1?a=1")).not.toBe(await bindingOf(shop, "/item/1?a=2"));
  });
  test("the route alone, if the seller says so", async () => {
    const shop = world.shop(goods, { bind: "route" });
    expect(await bindingOf(shop, "/item/1?a=1")).toBe(await bindingOf(shop, "/item/1?a=2"));
    expect(await bindingOf(shop, "/item/1")).not.toBe(await bindingOf(shop, "/item/2"));
    const payment = await shop.approved("/item/1?a=1");
    expect(verdict(await shop.pay("/item/1?a=2", payment))).toBe("200");
  });
  test("the body, for POST, and an empty one is none", async () => {
    const shop = world.shop(goods);
    const post = (body?: string) => bindingOf(shop, "/item/1", { method: "POST", ...(body !== undefined && { body }) });
    expect(await post("a")).not.toBe(await post("b"));
    expect(await post("")).toBe(await post());
  });
  test("the method", async () => {
    const shop = world.shop(goods);
    expect(await bindingOf(shop, "/item/1")).not.toBe(await bindingOf(shop, "/item/1", { method: "POST" }));
  });

  test.each([
    ["another URL", "/item/2", {}],
    ["another query", "/item/1?x=1", {}],
    ["another method", "/item/1", { method: "POST" }],
    ["a body", "/item/1", { method: "POST", body: "surprise" }],
  ])("a payment for one request does not buy %s", async (_name, path, init) => {
    const shop = world.shop(goods);
    const payment = await shop.approved("/item/1");
    expect(verdict(await shop.pay(path, payment, init))).toBe("402 binding_mismatch");
    expect(world.spent()).toBe(0n);
  });

  test("the handler reads the body that was bound, in any way it likes", async () => {
    const seen: string[] = [];
    const shop = world.shop(async (c) => {
      seen.push(await c.req.raw.clone().text(), await c.req.text());
      return c.text("goods");
    });
    const init = { method: "POST", body: '{"text":"über"}' };
    expect(verdict(await shop.pay("/item/1", await shop.approved("/item/1", init), init))).toBe("200");
    expect(seen).toEqual([init.body, init.body]);
  });

  test("a body larger than the limit has no price", async () => {
    const shop = world.shop(goods);
    const body = "x".repeat(MAX_REQUEST_BODY_BYTES + 1);
    expect(verdict(await shop.get("/item/1", { method: "POST", body }))).toBe("413 payload_too_large");
    expect(verdict(await shop.get("/item/1", { method: "POST", body: body.slice(1) }))).toBe("402 payment_required");
  });
});

describe("methods that are never charged", () => {
  test("HEAD shows the terms of GET", async () => {
    const shop = world.shop(goods);
    const head = await shop.get("/item/1", { method: "HEAD" });
    expect(head.status).toBe(402);
    expect(termsOf(head)).toEqual(termsOf(await shop.get("/item/1")));
  });
  test("HEAD with a payment is refused", async () => {
    const shop = world.shop(goods);
    const response = await shop.pay("/item/1", await shop.approved("/item/1"), { method: "HEAD" });
    expect(verdict(response)).toBe("400 invalid_payload");
    expect(world.spent()).toBe(0n);
  });
  test("OPTIONS is free without CORS as well, and runs no handler", async () => {
    goods.mockClear();
    const response = await world.shop(goods, {}, []).get("/item/1", { method: "OPTIONS" });
    expect([response.status, goods.mock.calls.length]).toEqual([204, 0]);
  });
  test("OPTIONS is free and allows what the official browser client sends", async () => {
    const headers = {
      Origin: "https://app.example.com",
      "Access-Control-Request-Method": "GET",
      "Access-Control-Request-Headers": "payment-signature,access-control-expose-headers",
    };
    const response = await world.shop(goods).get("/item/1", { method: "OPTIONS", headers });
    expect(response.status).toBe(204);
    expect(response.headers.get("Access-Control-Allow-Headers")?.toLowerCase()).toContain("access-control-expose-headers");
    expect(response.headers.get("Access-Control-Allow-Headers")).toContain("PAYMENT-SIGNATURE");
  });
});

describe("middleware in front of the paywall", () => {
  const says: MiddlewareHandler = async (c, next) => {
    c.header("Access-Control-Allow-Origin", "*");
    c.header("Set-Cookie", "visit=1", { append: true });
    c.header("Set-Cookie", "region=eu", { append: true });
    await next();
  };
  test.each([
    ["terms", {}],
    ["the page for browsers", { Accept: "text/html" }],
    ["a refusal", { [PAYMENT_SIGNATURE]: "###" }],
  ])("is heard with %s", async (_name, headers) => {
    const response = await world.shop(goods, {}, [says]).get("/item/1", { headers });
    expect(response.headers.get("Access-Control-Allow-Origin")).toBe("*");
    expect(response.headers.getSetCookie()).toEqual(["visit=1", "region=eu"]);
  });

  test.each([
    ["terms", {}],
    ["the page for browsers", { Accept: "text/html" }],
    ["a refusal", { [PAYMENT_SIGNATURE]: "###" }],
  ])("cannot make %s cacheable, in whatever order it comes", async (_name, headers) => {
    const cacheable: MiddlewareHandler = async (c, next) => {
      c.header("Cache-Control", "public, max-age=3600");
      await next();
    };
    for (const around of [[paywallCors(), cacheable], [cacheable, paywallCors()], [cacheable]]) {
      const response = await world.shop(goods, {}, around).get("/item/1", { headers });
      expect(response.headers.get("Cache-Control")).toBe("no-store");
    }
  });

  test("may read the body before it is sold", async () => {
    const init = { method: "POST", body: '{ "a": 1 }', headers: { "Content-Type": "application/json" } };
    const validated = validator("json", (value: { a?: number }, c) => (value.a === 1 ? value : c.text("not this", 400)));
    const shop = world.shop(async (c) => c.json(await c.req.json()), {}, [validated as MiddlewareHandler]);
    expect((await shop.get("/item/1", { ...init, body: "{}" })).status).toBe(400);
    const response = await shop.pay("/item/1", await shop.approved("/item/1", init), init);
    expect([verdict(response), await response.json()]).toEqual(["200", { a: 1 }]);
  });

  describe("that reads the body in another form", () => {
    const form = new FormData();
    form.set("city", "Zürich");
    const encoded = new Response(form);
    const type = encoded.headers.get("Content-Type") ?? "";
    const BOM = new Uint8Array([0xef, 0xbb, 0xbf, 0x61]);
    const INVALID = new Uint8Array([0xff, 0x61]);

    test.each<[what: string, read: (c: Context) => Promise<unknown>, body: () => Promise<Uint8Array<ArrayBuffer>>, type: string]>([
      ["form data", (c) => c.req.formData(), async () => new Uint8Array(await encoded.clone().arrayBuffer()), type],
      ["text with a byte order mark", (c) => c.req.text(), async () => BOM, "text/plain"],
      ["text that is no UTF-8", (c) => c.req.text(), async () => INVALID, "text/plain"],
    ])("%s: the bytes that were sent are bound, after keepBody() only", async (_what, read, bodyOf, contentType) => {
      const body = await bodyOf();
      const headers = { "Content-Type": contentType, "Content-Length": String(body.length) };
      const init = { method: "POST", body, headers };
      const reads: MiddlewareHandler = async (c, next) => {
        await read(c);
        await next();
      };
      const log = vi.spyOn(console, "log").mockImplementation(() => {});
      expect(verdict(await world.shop(goods, {}, [reads]).get("/item/1", init))).toBe("500 internal_error");
      log.mockRestore();
      const shop = world.shop(async (c) => c.body(await c.req.arrayBuffer()), {}, [keepBody(), reads]);
      const paid = await shop.pay("/item/1", await shop.approved("/item/1", init), init);
      expect(verdict(paid)).toBe("200");
      expect(new Uint8Array(await paid.arrayBuffer())).toEqual(body);
    });
  });

  test("that reads the body past Hono is the seller's mistake, and said to be", async () => {
    const log = vi.spyOn(console, "log").mockImplementation(() => {});
    const past: MiddlewareHandler = async (c, next) => {
      await c.req.raw.text();
      await next();
    };
    expect(verdict(await world.shop(goods, {}, [past]).get("/item/1", { method: "POST", body: "x" }))).toBe("500 internal_error");
    expect(String(log.mock.lastCall?.[0])).toContain("put the paywall first");
    log.mockRestore();
  });
});

test("an address that no client would take is refused before it is priced", async () => {
  const shop = world.shop(goods);
  expect(verdict(await shop.get(`/item/1?${"x".repeat(MAX_URL_LENGTH)}`))).toBe("413 payload_too_large");
});

test("the page quotes the address for a shell: a stranger may have written the link", async () => {
  const page = await world.shop(goods).get("/item/1?a='$(id)'&b=`id`", { headers: { Accept: "text/html" } });
  const command = /request create (.*?) --reason/.exec((await page.text()).replaceAll("&#39;", "'").replaceAll("&amp;", "&"))?.[1] ?? "";
  expect(command).toMatch(/^'[^']*'$/);
});

describe("a payment header that cannot be read is answered 400 with the terms", () => {
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  test.each([
    ["nothing", "", "invalid_payload"],
    ["not base64", "{}", "invalid_payload"],
    ["not JSON", base64("{"), "invalid_payload"],
    ["not UTF-8", Buffer.from([0xff, 0xfe]).toString("base64"), "invalid_payload"],
    ["null", base64("null"), "invalid_payload"],
    ["an array", base64("[]"), "invalid_payload"],
    ["no members", base64("{}"), "invalid_payload"],
    ["accepted null", encodeHeader({ x402Version: 2, accepted: null, payload: {} }), "invalid_payload"],
    ["duplicate keys", base64('{"x402Version":2,"x402Version":2}'), "invalid_payload"],
    ["deep nesting", base64("[".repeat(100) + "]".repeat(100)), "invalid_payload"],
    ["version 1", encodeHeader({ x402Version: 1, scheme: "exact", network: "base", payload: {} }), "invalid_x402_version"],
    ["version 9", encodeHeader({ x402Version: 9 }), "invalid_x402_version"],
  ])("%s", async (_name, header, code) => {
    const response = await world.shop(goods).get("/item/1", { headers: { [PAYMENT_SIGNATURE]: header } });
    expect(verdict(response)).toBe(`400 ${code}`);
    expect(termsOf(response)?.error).toBe(code);
    expect(await response.json()).toMatchObject({ error: code, problem: { code } });
  });

  test("and 413 when it is larger than any payment", async () => {
    const response = await world.shop(goods).get("/item/1", { headers: { [PAYMENT_SIGNATURE]: "A".repeat(MAX_HEADER_BYTES + 1) } });
    expect(verdict(response)).toBe("413 payload_too_large");
  });
});

describe("an echo that is not the offer is answered 402 with fresh terms", () => {
  test.each([
    ["scheme", { scheme: "upto" }, "unsupported_scheme"],
    ["network", { network: "logos:lez-mainnet" }, "invalid_network"],
    ["asset", { asset: "gold" }, "asset_mismatch"],
    ["payTo", { payTo: "11111111111111111111111111111112" }, "recipient_mismatch"],
    ["amount", { amount: "9999" }, "amount_mismatch"],
    ["maxTimeoutSeconds", { maxTimeoutSeconds: 901 }, "offer_mismatch"],
    ["an additional member", { tip: "1" }, "offer_mismatch"],
  ])("%s", async (_name, change, code) => {
    const shop = world.shop(goods);
    const payment = await shop.approved("/item/1");
    const response = await shop.pay("/item/1", { ...payment, accepted: { ...payment.accepted, ...change } });
    expect(verdict(response)).toBe(`402 ${code}`);
    expect(termsOf(response)?.accepts[0]?.amount).toBe(PRICE);
  });

  test.each([
    ["another ledger", { ledger: "0".repeat(64) }, "ledger_mismatch"],
    ["another binding", { binding: "0".repeat(64) }, "binding_mismatch"],
    ["a flow that was not offered", { paymentFlow: "escrow" }, "offer_mismatch"],
    ["a transfer method that was not offered", { assetTransferMethod: "default" }, "offer_mismatch"],
  ])("extra with %s", async (_name, change, code) => {
    const shop = world.shop(goods);
    const payment = await shop.approved("/item/1");
    const accepted = { ...payment.accepted, extra: { ...payment.accepted.extra, ...change } };
    expect(verdict(await shop.pay("/item/1", { ...payment, accepted }))).toBe(`402 ${code}`);
  });

  test("additional keys in extra are the client's own business", async () => {
    const shop = world.shop(goods);
    const payment = await shop.approved("/item/1");
    const accepted = { ...payment.accepted, extra: { ...payment.accepted.extra, note: "mine" } };
    expect(verdict(await shop.pay("/item/1", { ...payment, accepted }))).toBe("200");
  });
});

describe("a seller's mistake shows when the Worker starts [paywall-seller-mistakes]", () => {
  test.each([
    ["amount", { amount: "0" }],
    ["amount", { amount: "1e3" }],
    ["amount", { amount: "0.5" }],
    ["payTo", { amount: PRICE, payTo: "me" }],
    ["bind", { amount: PRICE, bind: "everything" as "route" }],
    ["maxTimeoutSeconds", { amount: PRICE, maxTimeoutSeconds: 0 }],
    ["maxTimeoutSeconds", { amount: PRICE, maxTimeoutSeconds: 43_201 }],
    ["description", { amount: PRICE, description: "x".repeat(501) }],
  ])("%s", (name, options) => {
    expect(() => paywall(options)).toThrow(new RegExp(`^paywall: .*${name}`));
  });
});

/** Middleware of Hono around and behind a paywall: once money has moved, the goods and the receipt leave; nothing is cached. */

import { Hono, type MiddlewareHandler } from "hono";
import { basicAuth } from "hono/basic-auth";
import { bodyLimit } from "hono/body-limit";
import { cache } from "hono/cache";
import { compress } from "hono/compress";
import { cors } from "hono/cors";
import { csrf } from "hono/csrf";
import { etag } from "hono/etag";
import { jwt, sign } from "hono/jwt";
import { logger } from "hono/logger";
import { secureHeaders } from "hono/secure-headers";
import { timeout } from "hono/timeout";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { paywall, type PaywallEnv } from "../../workers/merchant/paywall/index.ts";
import { createWorld, PRICE, receiptOf, termsOf, verdict } from "./world.ts";

let world: Awaited<ReturnType<typeof createWorld>>;
beforeEach(async () => void (world = await createWorld()));

const GOODS = "goods ".repeat(500);
const FLOWS = ["authorization", "upfront"] as const;
const WAIT = { timeout: 60_000 };
const SECRET = "a secret of the seller";
const MIDDLEWARE: Record<string, () => MiddlewareHandler> = {
  etag: () => etag(),
  timeout: () => timeout(60_000),
  compress: () => compress(),
  cors: () => cors(),
  csrf: () => csrf(),
  secureHeaders: () => secureHeaders(),
  bodyLimit: () => bodyLimit({ maxSize: 1024 }),
  logger: () => logger(() => {}),
  basicAuth: () => basicAuth({ username: "u", password: "p" }),
  jwt: () => jwt({ secret: SECRET, alg: "HS256" }),
};
const AUTHORIZATION: Record<string, () => Promise<string>> = {
  basicAuth: async () => `Basic ${btoa("u:p")}`,
  jwt: async () => `Bearer ${await sign({ sub: "agent" }, SECRET)}`,
};

describe.each(FLOWS)("flow %s", (flow) => {
  test.each(Object.keys(MIDDLEWARE))("%s in front: the goods are delivered once, with a receipt", async (name) => {
    const make = MIDDLEWARE[name];
    const authorization = await AUTHORIZATION[name]?.();
    const init = authorization === undefined ? {} : { headers: { Authorization: authorization } };
    const shop = world.shop((c) => c.text(GOODS), { flow }, make ? [make()] : []);
    const payment = await shop.approved("/item/1", init);
    const paid = await shop.pay("/item/1", payment, init);
    expect(verdict(paid)).toBe("200");
    expect(await paid.text()).toBe(GOODS);
    expect(receiptOf(paid)?.success).toBe(true);
    expect(paid.headers.get("Cache-Control")).toContain("no-store");
    expect(world.spent()).toBe(BigInt(PRICE));
    expect(verdict(await shop.pay("/item/1", payment, init))).toBe("402 nonce_replayed");
  });

  describe.each(["in front", "behind"])("etag() %s", (place) => {
    test.each(["If-None-Match", "If-Modified-Since", "If-Match", "If-Unmodified-Since"])("%s is never charged", async (condition) => {
      const around = place === "in front" ? [etag()] : [];
      const handler = vi.fn((c) => c.text(GOODS, 200, { ETag: '"1"' }));
      const shop = world.shop(handler, { flow }, around);
      const payment = await shop.approved("/item/1");
      const refused = await shop.pay("/item/1", payment, {
        headers: { [condition]: condition.endsWith("Match") ? '"1"' : new Date().toUTCString() },
      });
      expect(verdict(refused)).toBe("400 invalid_payload");
      expect([handler.mock.calls.length, world.spent(), world.held()]).toEqual([0, 0n, "0"]);
      expect(await (await shop.pay("/item/1", payment)).text()).toBe(GOODS);
    });

    test("Range buys the whole", async () => {
      const shop = world.shop((c) => c.text(c.req.header("Range") ? "part" : GOODS), { flow }, place === "in front" ? [etag()] : []);
      const paid = await shop.pay("/item/1", await shop.approved("/item/1"), { headers: { Range: "bytes=0-3", "If-Range": '"1"' } });
      expect([verdict(paid), await paid.text()]).toEqual(["200", GOODS]);
      expect(receiptOf(paid)?.success).toBe(true);
    });
  });

  test("timeout() in front that answers first: nothing is paid, or the goods are owed to the same payment", async () => {
    const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
    const shop = world.shop(
      async (c) => {
        await answered;
        return c.text(GOODS);
      },
      { flow },
      [timeout(100)],
    );
    const payment = await shop.approved("/item/1");
    expect((await shop.pay("/item/1", payment)).status).toBe(500); // the app's onError
    answer();
    await expect.poll(() => [world.spent(), world.held()], WAIT).toEqual([flow === "upfront" ? BigInt(PRICE) : 0n, "0"]);
    await expect.poll(async () => verdict(await shop.pay("/item/1", payment)), WAIT).toBe("200");
    expect(world.spent()).toBe(BigInt(PRICE));
    expect(verdict(await shop.pay("/item/1", payment))).toBe("402 nonce_replayed");
  });

  test("middleware in front that answers while the money moves: the goods are owed", async () => {
    const expired = Promise.withResolvers<never>();
    const answered = Promise.withResolvers<void>();
    // As timeout() does it, at a moment that the test chooses.
    const expires: MiddlewareHandler = (_c, next) => Promise.race([next(), expired.promise]);
    const shop = world.shop((c) => c.text(GOODS), { flow }, [expires]);
    const payment = await shop.approved("/item/1");
    const { capture, settle } = world.rpc;
    const during = <Args extends unknown[], Result>(call: (...args: Args) => Promise<Result>) => {
      return async (...args: Args) => {
        const result = await call(...args);
        expired.reject(new Error("too late"));
        await answered.promise;
        return result;
      };
    };
    Object.assign(world.rpc, { capture: during(capture), settle: during(settle) });
    expect((await shop.pay("/item/1", payment)).status).toBe(500);
    expect(world.spent()).toBe(BigInt(PRICE));
    answered.resolve();
    Object.assign(world.rpc, { capture, settle });
    const again = world.shop((c) => c.text(GOODS), { flow });
    await expect.poll(async () => verdict(await again.pay("/item/1", payment)), WAIT).toBe("200");
    expect(world.spent()).toBe(BigInt(PRICE));
  });

  test("cache() in front keeps neither the terms nor the goods", async () => {
    const stored = new Map<string, Response>();
    vi.stubGlobal("caches", {
      open: async () => ({
        match: async (key: string) => stored.get(key)?.clone(),
        put: async (key: string, response: Response) => void stored.set(key, response),
      }),
    });
    try {
      const shop = world.shop((c) => c.text(GOODS, 200, { "Cache-Control": "public, max-age=60" }), { flow }, [
        cache({ cacheName: "shop", cacheControl: "max-age=3600", wait: true }),
      ]);
      expect((await shop.pay("/item/1", await shop.approved("/item/1"))).status).toBe(200);
      expect(verdict(await shop.get("/item/1"))).toBe("402 payment_required");
      expect(stored.size).toBe(0);
    } finally {
      vi.unstubAllGlobals();
    }
  });
});

describe("what tells a CDN to cache is taken off", () => {
  const CDN = {
    "CDN-Cache-Control": "max-age=60",
    "Cloudflare-CDN-Cache-Control": "max-age=60",
    "Vercel-CDN-Cache-Control": "max-age=60",
    "Netlify-CDN-Cache-Control": "max-age=60",
    "Surrogate-Control": "max-age=60",
    "Edge-Control": "max-age=60",
    "X-Accel-Expires": "60",
    Expires: new Date(Date.now() + 60_000).toUTCString(),
  };
  const sets: MiddlewareHandler = async (c, next) => {
    for (const [name, value] of Object.entries(CDN)) c.header(name, value);
    c.header("Vary", "Origin");
    await next();
  };
  const left = (response: Response) => Object.keys(CDN).filter((name) => response.headers.has(name));
  const vary = (response: Response) => response.headers.get("Vary");

  test.each(FLOWS)("of terms, refusals, answers and failures, from middleware in front and from the handler: flow %s", async (flow) => {
    let status = 200;
    const shop = world.shop((c) => c.text(GOODS, status as 200, CDN), { flow }, [sets]);
    const answers = [await shop.get("/item/1"), await shop.get("/item/1", { headers: { Accept: "text/html" } })];
    const payment = await shop.approved("/item/1");
    status = 404;
    const failing = await shop.approved("/item/2");
    answers.push(await shop.pay("/item/2", failing));
    status = 200;
    answers.push(await shop.pay("/item/1", payment), await shop.pay("/item/1", payment));
    expect(answers.map(({ status }) => status)).toEqual([402, 402, 404, 200, 402]);
    for (const answer of answers) {
      expect(left(answer)).toEqual([]);
      expect(answer.headers.get("Cache-Control")).toContain("no-store");
      expect(vary(answer)).toContain("PAYMENT-SIGNATURE");
      expect(vary(answer)).toContain("Origin");
    }
  });
});

describe("what cannot be bought is not offered", () => {
  const misconfigured = async (app: Hono<PaywallEnv>) => {
    const log = vi.spyOn(console, "log").mockImplementation(() => {});
    const answer = await app.request("https://merchant.example.com/item/1", {}, world.env);
    expect(verdict(answer)).toBe("500 internal_error");
    expect(answer.headers.has("PAYMENT-REQUIRED")).toBe(false);
    log.mockRestore();
  };
  const price = () => paywall({ amount: PRICE });

  test("two paywalls in one chain", async () => {
    await misconfigured(new Hono<PaywallEnv>().use("/item/*", price()).get("/item/1", price(), (c) => c.text(GOODS)));
    await misconfigured(new Hono<PaywallEnv>().get("/item/1", price(), price(), (c) => c.text(GOODS)));
    const inner = new Hono<PaywallEnv>().get("/1", price(), (c) => c.text(GOODS));
    await misconfigured(new Hono<PaywallEnv>().use("/item/*", price()).route("/item", inner));
  });

  test("a second paywall that the route does not show: the payment costs nothing", async () => {
    const hidden = price();
    const shop = world.shop((c, next) => hidden(c, next));
    expect(verdict(await shop.pay("/item/1", await shop.approved("/item/1")))).toBe("500 internal_error");
    expect([world.spent(), world.held()]).toEqual([0n, "0"]);
  });

  test("an address whose payment fits no header", async () => {
    const shop = world.shop((c) => c.text(GOODS), { description: "d".repeat(400), extensions: { theirs: { info: "x".repeat(1800) } } });
    expect((await shop.get("/item/1")).status).toBe(402);
    const long = await shop.get(`/item/${"x".repeat(2000)}`);
    expect(verdict(long)).toBe("413 payload_too_large");
    expect(long.headers.has("PAYMENT-REQUIRED")).toBe(false);
  });
});

test("an address whose payment fits no header once the signed offer goes along, as the official client sends it", async () => {
  Object.assign(world.env, { RECEIPT_KEY: "5a".repeat(32) });
  const shop = world.shop((c) => c.text(GOODS));
  const verdicts = new Set<string>();
  for (let length = 900; length <= 2000; length += 100) {
    const path = `/item/${"x".repeat(length)}`;
    const answer = await shop.get(path);
    verdicts.add(verdict(answer));
    if (answer.status !== 402) continue;
    const { extensions = {} } = termsOf(answer) ?? {};
    const paid = await shop.pay(path, { ...(await shop.approved(path)), extensions });
    expect([length, verdict(paid)]).toEqual([length, "200"]);
  }
  expect([...verdicts]).toEqual(["402 payment_required", "413 payload_too_large"]);
});

describe("upgrades", () => {
  test("are not offered", async () => {
    const answer = await world.shop((c) => c.text(GOODS)).get("/item/1", { headers: { Upgrade: "websocket" } });
    expect(verdict(answer)).toBe("400 invalid_payload");
    expect(answer.headers.has("PAYMENT-REQUIRED")).toBe(false);
  });
});

/** Middleware of Hono around and behind a paywall: once money has moved, the goods and the receipt leave; nothing is cached. */

import type { MiddlewareHandler } from "hono";
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
import { createWorld, PRICE, receiptOf, verdict } from "./world.ts";

let world: Awaited<ReturnType<typeof createWorld>>;
beforeEach(async () => void (world = await createWorld()));

const GOODS = "goods ".repeat(500);
const FLOWS = ["authorization", "upfront"] as const;
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
    let slow = true;
    const handler = vi.fn(async (c) => {
      if (slow) await new Promise((resolve) => setTimeout(resolve, 60));
      return c.text(GOODS);
    });
    const shop = world.shop(handler, { flow }, [timeout(20)]);
    const payment = await shop.approved("/item/1");
    slow = true;
    expect((await shop.pay("/item/1", payment)).status).toBe(500); // the app's onError
    await expect.poll(() => [world.spent(), world.held()]).toEqual([flow === "upfront" ? BigInt(PRICE) : 0n, "0"]);
    slow = false;
    await expect.poll(async () => verdict(await shop.pay("/item/1", payment))).toBe("200");
    expect(world.spent()).toBe(BigInt(PRICE));
    expect(verdict(await shop.pay("/item/1", payment))).toBe("402 nonce_replayed");
  });

  test("timeout() in front that answers during the capture: the goods are owed", async () => {
    const shop = world.shop((c) => c.text(GOODS), { flow }, [timeout(20)]);
    const payment = await shop.approved("/item/1");
    const { capture, settle } = world.rpc;
    const late = <Args extends unknown[], Result>(call: (...args: Args) => Promise<Result>) => {
      return async (...args: Args) => {
        const result = await call(...args);
        await new Promise((resolve) => setTimeout(resolve, 60));
        return result;
      };
    };
    Object.assign(world.rpc, { capture: late(capture), settle: late(settle) });
    expect((await shop.pay("/item/1", payment)).status).toBe(500);
    await expect.poll(() => world.spent()).toBe(BigInt(PRICE));
    Object.assign(world.rpc, { capture, settle });
    await expect.poll(async () => verdict(await shop.pay("/item/1", payment)), { timeout: 5000 }).toBe("200");
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

describe("upgrades", () => {
  test("are not offered", async () => {
    const answer = await world.shop((c) => c.text(GOODS)).get("/item/1", { headers: { Upgrade: "websocket" } });
    expect(verdict(answer)).toBe("400 invalid_payload");
    expect(answer.headers.has("PAYMENT-REQUIRED")).toBe(false);
  });
});

/** What a seller learns of a shop that cannot sell: one log line a minute with cause and remedy, and its health. */

import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Hono } from "hono";
import { afterEach, beforeEach, describe, expect, type MockInstance, test, vi } from "vitest";
import { paywall, type PaywallEnv, paywallHealth } from "../../workers/merchant/paywall/index.ts";
import { isolateDeliveries } from "../../workers/merchant/paywall/memory/isolate.ts";
import { createWorld, ORIGIN, PRICE, verdict } from "./world.ts";

let world: Awaited<ReturnType<typeof createWorld>>;
let log: MockInstance<typeof console.log>;
let server: Server;
let answer: RequestListener;
let minutes = 1;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 61_000 * minutes++ });
  world = await createWorld();
  log = vi.spyOn(console, "log").mockImplementation(() => {});
  server = createServer((request, response) => answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterEach(async () => {
  log.mockRestore();
  vi.useRealTimers();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const lines = (event: string) =>
  log.mock.calls.map(([line]) => JSON.parse(String(line)) as Record<string, unknown>).filter((line) => line["event"] === event);
const address = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

function shopAt(facilitatorUrl: string) {
  const memory = isolateDeliveries();
  const options = { memory: () => memory };
  const env = { ...world.env, FACILITATOR_URL: facilitatorUrl };
  const app = new Hono<PaywallEnv>();
  app.route("/", paywallHealth(options));
  app.get("/item", paywall({ amount: PRICE, ...options }), (c) => c.text("goods"));
  return { get: (path: string) => app.request(`${ORIGIN}${path}`, {}, env) };
}

describe("a facilitator that can never work is the seller's to mend", () => {
  test.each<[what: string, answer: RequestListener, cause: string]>([
    ["wants a key", (_request, response) => response.writeHead(401).end(), "refuses this merchant's key"],
    ["forbids", (_request, response) => response.writeHead(403).end(), "refuses this merchant's key"],
    ["is elsewhere", (_request, response) => response.writeHead(404).end("no"), "nothing is at this path"],
    [
      "is a web page",
      (_request, response) => response.writeHead(200, { "Content-Type": "text/html" }).end("<h1>hi</h1>"),
      "200 with text/html",
    ],
    ["redirects in circles", (request, response) => response.writeHead(302, { Location: request.url }).end(), "redirects lead nowhere"],
  ])("%s", async (_what, listener, cause) => {
    answer = listener;
    const shop = shopAt(address());
    for (let time = 0; time < 3; time++) expect(verdict(await shop.get("/item"))).toBe("500 internal_error");
    expect(lines("facilitator.fault")).toMatchObject([
      {
        kind: "setup",
        url: `${address()}/supported`,
        cause: expect.stringContaining(cause),
        remedy: expect.stringMatching(/FACILITATOR_/),
      },
    ]);
    expect(lines("paywall.misconfigured")).toHaveLength(1);
    const health = await shop.get("/.well-known/paywall-health");
    expect(health.status).toBe(503);
    expect(await health.json()).toMatchObject({ sells: false, kind: "setup", problem: expect.stringContaining(cause) });
  });
});

describe("a facilitator that may work again is asked again", () => {
  test.each<[what: string, answer: RequestListener, cause: string]>([
    ["fails", (_request, response) => response.writeHead(502).end("bad gateway"), "502"],
    ["limits", (_request, response) => response.writeHead(429).end(), "limits the rate"],
    ["breaks off", (_request, response) => void response.destroy(), "broke off"],
  ])("%s", async (_what, listener, cause) => {
    answer = listener;
    const shop = shopAt(address());
    for (let time = 0; time < 3; time++) expect(verdict(await shop.get("/item"))).toBe("503 facilitator_unavailable");
    expect(lines("facilitator.fault")).toMatchObject([{ kind: "passing", cause: expect.stringContaining(cause) }]);
    expect(await (await shop.get("/.well-known/paywall-health")).json()).toMatchObject({ sells: false, kind: "passing" });
    answer = supports;
    expect(verdict(await shop.get("/item"))).toBe("402 payment_required");
    vi.setSystemTime(Date.now() + 11_000);
    const health = await shop.get("/.well-known/paywall-health");
    expect([health.status, await health.json()]).toEqual([200, { sells: true }]);
  });
});

const supports: RequestListener = (_request, response) => {
  const kind = { x402Version: 2, scheme: "exact", network: "logos:lez-testnet", extra: { ledger: world.ledger.info().ledger } };
  response.setHeader("Content-Type", "application/json").end(JSON.stringify({ kinds: [kind], extensions: [], signers: {} }));
};

test("a facilitator that redirects its base address is followed, as the official client does", async () => {
  answer = (request, response) =>
    request.url?.startsWith("/v2/") ? supports(request, response) : response.writeHead(308, { Location: `/v2${request.url}` }).end();
  expect(verdict(await shopAt(address()).get("/item"))).toBe("402 payment_required");
});

test.each([
  ["PAYTO", "PAY_TO"],
  ["pay_to", "PAY_TO"],
  ["PUBLIC_ORIGN", "PUBLIC_ORIGIN"],
  ["FACILITATOR_ULR", "FACILITATOR_URL"],
])("a binding called %s is named in the log beside %s", async (found, meant) => {
  const { [meant as "PAY_TO"]: value, ...env } = world.env;
  const app = new Hono<PaywallEnv>().get("/item", paywall({ amount: PRICE }), (c) => c.text("goods"));
  await app.request(`${ORIGIN}/item`, {}, { ...env, [found]: value ?? "https://shop.example" });
  expect(lines("paywall.misspelt_binding")).toMatchObject([{ found, meant }]);
});

test("a seller's own bindings are not taken for misspelt ones", async () => {
  const app = new Hono<PaywallEnv>().get("/item", paywall({ amount: PRICE }), (c) => c.text("goods"));
  await app.request(`${ORIGIN}/item`, {}, { ...world.env, API_KEY: "k", ORIGIN: "o", PAYMENTS: "p", DB: {} });
  expect(lines("paywall.misspelt_binding")).toEqual([]);
});

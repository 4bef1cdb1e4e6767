/** What the facilitator settles is asked once per facilitator and isolate, whatever the number of routes. */

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Hono } from "hono";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  paywall,
  type PaywallEnv,
  type PaywallFacilitator,
  paywallHealth,
  type PaywallOptions,
} from "../../workers/merchant/paywall/index.ts";
import { isolateDeliveries } from "../../workers/merchant/paywall/memory/isolate.ts";
import { createWorld, ORIGIN, PRICE, verdict } from "./world.ts";

const ROUTES = Array.from({ length: 20 }, (_, n) => `/item/${n}`);
let world: Awaited<ReturnType<typeof createWorld>>;
let asked: number;
/** Fails that many times before it answers. */
let failures: number;

beforeEach(async () => {
  [asked, failures] = [0, 0];
  world = await createWorld();
});

function shop(options: Partial<PaywallOptions>, env: object) {
  const app = new Hono<PaywallEnv>();
  app.route("/", paywallHealth(options));
  for (const route of ROUTES) app.get(route, paywall({ amount: PRICE, ...options }), (c) => c.text("goods"));
  return { get: (path: string) => app.request(`${ORIGIN}${path}`, {}, env) };
}

describe.each(["binding", "URL", "own"])("facilitator by %s", (kind) => {
  let server: Server;
  let options: Partial<PaywallOptions>;
  let env: Record<string, unknown>;

  beforeEach(async () => {
    const { supported } = world.rpc;
    const counted = async (): ReturnType<typeof supported> => {
      asked++;
      if (failures-- > 0) throw new Error("not now");
      return supported("");
    };
    server = createServer((_request, response) => {
      counted().then(
        (answer) => response.setHeader("Content-Type", "application/json").end(JSON.stringify(answer)),
        () => response.writeHead(502).end(),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const memory = isolateDeliveries();
    const own = { supportsHolds: true, supported: counted } as unknown as PaywallFacilitator;
    options = { memory: () => memory, ...(kind === "own" && { facilitator: () => own }) };
    world.rpc.supported = counted;
    // Some servers make a new object of bindings for every request.
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    env = { ...world.env, ...(kind === "URL" && { FACILITATOR_URL: url }) };
  });
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  test("20 routes ask it once [supported-once]", async () => {
    const { get } = shop(options, env);
    for (const route of ROUTES) expect(verdict(await get(route))).toBe("402 payment_required");
    expect(asked).toBe(1);
  });

  test("a failure is not remembered", async () => {
    const { get } = shop(options, env);
    failures = 2;
    expect(verdict(await get("/item/0"))).toBe("503 facilitator_unavailable");
    expect(verdict(await get("/item/1"))).toBe("503 facilitator_unavailable");
    for (const route of ROUTES) expect(verdict(await get(route))).toBe("402 payment_required");
    expect(asked).toBe(3);
  });

  test("its health is asked of itself, and a failure there stops no sale", async () => {
    const { get } = shop(options, env);
    expect(verdict(await get("/item/0"))).toBe("402 payment_required");
    failures = 1;
    expect((await get("/.well-known/paywall-health")).status).toBe(503);
    expect(verdict(await get("/item/1"))).toBe("402 payment_required");
    expect(asked).toBe(2);
  });
});

test("two facilitators in one isolate are told apart", async () => {
  const other = await createWorld();
  for (const { env } of [world, other, world]) expect(verdict(await shop({}, env).get("/item/0"))).toBe("402 payment_required");
  const ledgers = await Promise.all([world, other].map(async ({ env }) => (await shop({}, env).get("/item/0")).json()));
  expect(ledgers).toMatchObject([world, other].map(({ ledger }) => ({ accepts: [{ extra: { ledger: ledger.info().ledger } }] })));
});

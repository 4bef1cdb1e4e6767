/** What a merchant's operator reads: why buyers fail, and what is wrong with the configuration; nothing of those who only ask. */

import { afterEach, beforeEach, describe, expect, type MockInstance, test, vi } from "vitest";
import { MAX_URL_LENGTH } from "../../shared/limits.ts";
import { encodeHeader, PAYMENT_SIGNATURE, TRACE_ID } from "../../shared/x402/headers.ts";
import type { PaymentPayload } from "../../shared/x402/x402.ts";
import type { PaywallOptions } from "../../workers/merchant/paywall/index.ts";
import { createWorld, ORIGIN, verdict } from "./world.ts";

let world: Awaited<ReturnType<typeof createWorld>>;
let log: MockInstance<typeof console.log>;
beforeEach(async () => {
  world = await createWorld();
  log = vi.spyOn(console, "log").mockImplementation(() => {});
  goods.mockClear();
});
afterEach(() => log.mockRestore());

const goods = vi.fn((c) => c.text("goods"));
const lines = () => log.mock.calls.map(([line]) => JSON.parse(String(line)) as Record<string, unknown>);

describe("a payment that is refused leaves one line", () => {
  const unchanged = (payment: PaymentPayload) => payment;
  const accepting = (change: object) => (payment: PaymentPayload) => ({ ...payment, accepted: { ...payment.accepted, ...change } });

  test.each<[what: string, verdict: string, change: (payment: PaymentPayload) => unknown, send?: { path?: string; init?: RequestInit }]>([
    ["of another version", "400 invalid_x402_version", () => ({ x402Version: 1 })],
    ["of another shape", "400 invalid_payload", () => ({ x402Version: 2 })],
    ["to HEAD", "400 invalid_payload", unchanged, { init: { method: "HEAD" } }],
    ["at an address that is too long", "413 payload_too_large", unchanged, { path: `/item/${"x".repeat(MAX_URL_LENGTH)}` }],
  ])("without an account, where none was read: %s", async (_what, expected, change, { path = "/item/1", init = {} } = {}) => {
    const shop = world.shop(goods);
    const payment = change(await shop.approved("/item/1")) as PaymentPayload;
    expect(verdict(await shop.pay(path, payment, init))).toBe(expected);
    const [status, code] = expected.split(" ");
    expect(lines()).toEqual([{ event: "payment.refused", traceId: expect.any(String), path, status: Number(status), code }]);
  });

  test.each<[what: string, verdict: string, change: (payment: PaymentPayload) => unknown, send?: { path?: string; at?: number }]>([
    ["for other terms", "402 amount_mismatch", accepting({ amount: "1" })],
    ["for another request", "402 binding_mismatch", unchanged, { path: "/item/2" }],
    [
      "whose extension is not the one that was offered",
      "402 extension_echo_mismatch",
      (payment) => ({ ...payment, extensions: { mine: {} } }),
    ],
    ["that the facilitator does not take", "402 payment_expired", unchanged, { at: 2_000_000_000 }],
  ])("with the payer's account: %s", async (_what, expected, change, { path = "/item/1", at } = {}) => {
    const shop = world.shop(goods, { extensions: { mine: { info: { a: "1" } } } });
    const payment = change(await shop.approved("/item/1")) as PaymentPayload;
    world.clock.now = at ?? world.clock.now;
    expect(verdict(await shop.pay(path, payment))).toBe(expected);
    const [status, code] = expected.split(" ");
    const payer = world.people.owner.account;
    expect(lines()).toEqual([{ event: "payment.refused", traceId: expect.any(String), path, status: Number(status), code, payer }]);
    const text = JSON.stringify(log.mock.calls);
    const { signature, authorization } = payment.payload as { signature: string; authorization: { nonce: string } };
    for (const secret of [signature, authorization.nonce, encodeHeader(payment).slice(0, 60)]) expect(text).not.toContain(secret);
  });

  test("also where the header is no base64", async () => {
    const shop = world.shop(goods);
    expect(verdict(await shop.get("/item/1", { headers: { [PAYMENT_SIGNATURE]: "~ my secret ~" } }))).toBe("400 invalid_payload");
    expect(lines()).toMatchObject([{ event: "payment.refused", code: "invalid_payload" }]);
    expect(String(log.mock.calls)).not.toContain("secret");
  });

  test("also where the facilitator cannot even be asked for its ledger", async () => {
    const shop = world.shop(goods);
    const payment = await shop.approved("/item/1");
    world.rpc.supported = () => Promise.reject(new Error(`down ${world.randomId()}`));
    world.enterNewIsolate();
    expect(verdict(await world.shop(goods).pay("/item/1", payment))).toBe("503 facilitator_unavailable");
    expect(lines()).toMatchObject([{ event: "facilitator.fault" }, { event: "payment.refused", code: "facilitator_unavailable" }]);
  });
});

describe("every answer names the trace of its log line", () => {
  const MINE = "ab".repeat(16);
  const traced = (answer: Response) => answer.headers.get(TRACE_ID);
  type Shop = ReturnType<typeof world.shop>;

  test.each<[what: string, status: number, ask: (shop: Shop, headers: Record<string, string>) => Promise<Response>]>([
    ["the price", 402, async (shop, headers) => shop.get("/item/1", { headers })],
    ["the price as a page", 402, async (shop, headers) => shop.get("/item/1", { headers: { ...headers, Accept: "text/html" } })],
    ["the goods", 200, async (shop, headers) => shop.pay("/item/1", await shop.approved("/item/1"), { headers })],
    ["a refusal", 402, async (shop, headers) => shop.pay("/item/2", await shop.approved("/item/1"), { headers })],
    ["what cannot be read", 400, async (shop, headers) => shop.get("/item/1", { headers: { ...headers, [PAYMENT_SIGNATURE]: "~" } })],
    ["a handler that fails", 500, async (shop, headers) => shop.pay("/item/fails", await shop.approved("/item/fails"), { headers })],
  ])("%s", async (_what, status, ask) => {
    const shop = world.shop((c) => {
      if (c.req.path === "/item/fails") throw new Error("it fails");
      return goods(c) as Response;
    });
    const mine = await ask(shop, { [TRACE_ID]: MINE });
    expect([mine.status, traced(mine)]).toEqual([status, MINE]);
    for (const line of lines()) expect(line["traceId"]).toBe(MINE);
    log.mockClear();
    const parent = await ask(world.shop(goods), { traceparent: `00-${MINE}-00f067aa0ba902b7-01` });
    expect(traced(parent)).toBe(MINE);
    log.mockClear();
    const other = await ask(world.shop(goods), { [TRACE_ID]: `${MINE}; drop` });
    expect(traced(other)).toMatch(/^[0-9a-f]{32}$/);
    expect(traced(other)).not.toBe(MINE);
    for (const line of lines()) expect(line["traceId"]).toBe(traced(other));
  });

  test("and a browser may send and read it", async () => {
    const preflight = await world.shop(goods).get("/item/1", { method: "OPTIONS", headers: { "Access-Control-Request-Method": "GET" } });
    expect(preflight.headers.get("Access-Control-Allow-Headers")?.split(",")).toContain(TRACE_ID);
    expect((await world.shop(goods).get("/item/1")).headers.get("Access-Control-Expose-Headers")?.split(",")).toContain(TRACE_ID);
  });
});

test("who only asks for the price leaves none", async () => {
  const shop = world.shop(goods);
  await shop.get("/item/1");
  await shop.get("/item/1", { method: "HEAD" });
  await shop.get("/item/1", { method: "OPTIONS" });
  await shop.get("/item/1", { headers: { Accept: "text/html" } });
  await shop.get(`/item/${"x".repeat(MAX_URL_LENGTH)}`);
  expect(lines()).toEqual([]);
});

describe("a Worker that is not configured to sell", () => {
  let minutes = 1000; // other files in this process log the same faults
  beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 61_000 * minutes++ }));
  afterEach(() => void vi.useRealTimers());
  const kinds = [{ x402Version: 2, scheme: "exact", network: "eip155:8453" }];
  const elsewhere = { supported: async () => ({ kinds, extensions: [], signers: {} }) };
  const required = { identifier: "required" } as const;
  test.each<[what: string, env: object, options: Partial<PaywallOptions>, says: string]>([
    ["no facilitator", { FACILITATOR: undefined }, {}, "FACILITATOR or the variable FACILITATOR_URL"],
    ["a facilitator by URL, and nowhere to remember what it did", { FACILITATOR_URL: ORIGIN }, {}, "FACILITATOR_URL needs"],
    ["a facilitator's URL that is none", { FACILITATOR_URL: "facilitator.example.com", DELIVERIES: {} }, {}, "FACILITATOR_URL must be"],
    ["half a facilitator's URL", { FACILITATOR_URL: "https://", DELIVERIES: {} }, {}, "FACILITATOR_URL must be"],
    ["a facilitator's URL with a query", { FACILITATOR_URL: `${ORIGIN}/?key=1`, DELIVERIES: {} }, {}, "must have no query"],
    [
      "a facilitator's URL with credentials",
      { FACILITATOR_URL: "https://a:b@example.com", DELIVERIES: {} },
      {},
      "must have no credentials",
    ],
    ["a facilitator's key without its URL", { FACILITATOR_KEY: "key" }, {}, "FACILITATOR_KEY is for"],
    ["a facilitator of another network", { FACILITATOR: elsewhere }, {}, "settles no"],
    ["deliveries that cannot be stored", { DELIVERIES: { getByName: () => ({}) } }, {}, "DELIVERIES does not store"],
    ["a public origin with a path", { PUBLIC_ORIGIN: "https://shop.example/api" }, {}, "without a path"],
    ["no payee", { PAY_TO: undefined }, {}, "PAY_TO must be a LEZ account"],
    ["a payee that is no account", { PAY_TO: "alice" }, {}, "PAY_TO must be a LEZ account"],
    ["nowhere to keep answers under the identifiers it asks for", {}, required, 'identifier "required" needs'],
    ["a public origin that is none", { PUBLIC_ORIGIN: "localhost:8787" }, {}, "PUBLIC_ORIGIN must be"],
    ["half a public origin", { PUBLIC_ORIGIN: "https://" }, {}, "PUBLIC_ORIGIN must be"],
    ["a signing key that is none", { RECEIPT_KEY: "secret" }, {}, "RECEIPT_KEY must be"],
  ])("sells nothing, and says in its log alone what is wrong: %s", async (_what, env, options, says) => {
    const shop = world.shop(goods);
    const payment = await shop.approved("/item/1");
    Object.assign(world.env, env);
    for (const answer of [await world.shop(goods, options).get("/item/1"), await world.shop(goods, options).pay("/item/1", payment)]) {
      expect(verdict(answer)).toBe("500 internal_error");
      expect(answer.headers.get("Access-Control-Allow-Origin")).toBe("*");
      expect(await answer.json()).toMatchObject({ error: "internal_error", problem: { detail: expect.stringContaining("not set up") } });
    }
    const message = expect.stringContaining(says) as string;
    const line = { event: "paywall.misconfigured", traceId: expect.stringMatching(/^[0-9a-f]{32}$/), path: "/item/1", message };
    expect(lines()).toEqual([line]); // one a minute
    expect([goods.mock.calls.length, world.spent()]).toEqual([0, 0n]);
  });
});

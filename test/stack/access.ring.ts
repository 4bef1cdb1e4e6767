/** Who may use the facilitator over HTTP, and how often: keys bound to accounts, limits per caller, over real HTTP. */

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Buyer } from "../../agent-cli/demo/buyer.ts";
import { startStack } from "../../agent-cli/demo/stack.ts";
import { BUNDLES } from "../../scripts/build-workers.ts";
import { utf8 } from "../../shared/crypto/bytes.ts";
import { bodyDigest } from "../../shared/crypto/digest.ts";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import { MAX_CALLS_PER_PERIOD, MAX_CANCELLATIONS_PER_PERIOD, MAX_GRANTS_PER_PERIOD, MAX_SALES_PER_PERIOD } from "../../shared/limits.ts";
import { floodUntilLimited, LOW_LIMITS } from "./flood.ts";
import { useStack } from "./stack.ts";

const OURS = "the-merchants-key";
const OTHERS = "another-merchants-key";
const keys = { [bodyDigest(utf8(OURS))]: [DEMO_MERCHANT_ACCOUNT], [bodyDigest(utf8(OTHERS))]: ["11111111111111111111111111111112"] };

describe("with keys", () => {
  const world = useStack({ vars: { "lez-facilitator": { FACILITATOR_KEYS: JSON.stringify(keys) } } });
  const call = async (path: string, key?: string, scheme = "Bearer") => {
    const buyer = await world.buyer();
    const paymentPayload = await buyer.approved({ url: `${world.stack.merchant}/premium` });
    const body = JSON.stringify({ x402Version: 2, paymentPayload, paymentRequirements: paymentPayload.accepted });
    const response = await fetch(`${world.stack.facilitator}${path}`, {
      method: "POST",
      body,
      ...(key && { headers: { Authorization: `${scheme} ${key}` } }),
    });
    return [response.status, await response.json()] as const;
  };

  test("the key that names payTo may verify and settle [access-bound-key]", async () => {
    expect(await call("/verify", OURS)).toMatchObject([200, { isValid: true }]);
    expect(await call("/settle", OURS)).toMatchObject([200, { success: true }]);
    expect(await call("/verify", OURS, "bearer")).toMatchObject([200, { isValid: true }]);
  });
  test.each([
    ["no key", undefined],
    ["an unknown key", "guess"],
    ["a key for another account", OTHERS],
  ])("%s may not, and is told so in the endpoint's own shape", async (_what, key) => {
    expect(await call("/verify", key)).toEqual([401, { isValid: false, invalidReason: "unauthorized" }]);
    expect(await call("/settle", key)).toEqual([
      401,
      { success: false, errorReason: "unauthorized", transaction: "", network: "logos:lez-testnet" },
    ]);
  });
  test("our own merchant needs none: it is bound, not addressed", async () => {
    const buyer = await world.buyer();
    const premium = { url: `${world.stack.merchant}/premium` };
    expect((await buyer.send(premium, await buyer.approved(premium))).status).toBe(200);
  });
});

test.each([
  ["that cannot be read", "{oops"],
  ["that are empty", ""],
  ["of which one is the SHA-256 of nothing", JSON.stringify({ ...keys, [bodyDigest(utf8(""))]: [DEMO_MERCHANT_ACCOUNT] })],
])("keys %s let no caller in", async (_what, configured) => {
  const stack = await startStack({ bundles: BUNDLES, vars: { "lez-facilitator": { FACILITATOR_KEYS: configured } } });
  try {
    const buyer = await Buyer.create(stack);
    const paymentPayload = await buyer.approved({ url: `${stack.merchant}/premium` });
    const body = JSON.stringify({ x402Version: 2, paymentPayload, paymentRequirements: paymentPayload.accepted });
    const response = await fetch(`${stack.facilitator}/settle`, { method: "POST", body });
    expect([response.status, await response.json()]).toMatchObject([500, { success: false, errorReason: "unexpected_settle_error" }]);
  } finally {
    await stack.stop();
  }
});

describe("limits per caller", () => {
  const world = useStack({ limits: LOW_LIMITS });

  test("a flood is told to wait, in the endpoint's own shape", async () => {
    const limited = await floodUntilLimited(() => fetch(`${world.stack.facilitator}/settle`, { method: "POST", body: "{}" }));
    expect(limited?.headers.get("Retry-After")).toBeTruthy();
    expect(await limited?.json()).toEqual({ success: false, errorReason: "rate_limited", transaction: "", network: "logos:lez-testnet" });
  });

  describe("that many callers share", () => {
    const PLATFORM = "2a06:98c0:3600::103";
    const askAs = (headers: Record<string, string>, payTo = DEMO_MERCHANT_ACCOUNT as string) => {
      const body = JSON.stringify({ x402Version: 2, paymentPayload: {}, paymentRequirements: { payTo } });
      return fetch(`${world.stack.facilitator}/verify`, { method: "POST", body, headers });
    };

    test.each([
      ["a Worker leaves the limit of a Worker of another zone", { "CF-Worker": "a.example" }, { "CF-Worker": "b.example" }],
      ["a network leaves the limit of another network", { "CF-Connecting-IP": "2001:db8::1" }, { "CF-Connecting-IP": "2001:db8:1::1" }],
    ])("%s alone [limits-not-shared]", async (_what, first, second) => {
      const from = (headers: Record<string, string>) => askAs({ "CF-Connecting-IP": PLATFORM, ...headers });
      expect((await floodUntilLimited(() => from(first)))?.status).toBe(429);
      expect((await from(second)).status).toBe(200);
    });

    test("a Worker without a zone is counted by the account that it sells for", async () => {
      const headers = { "CF-Connecting-IP": PLATFORM };
      expect((await floodUntilLimited(() => askAs(headers)))?.status).toBe(429);
      expect((await askAs(headers, "11111111111111111111111111111112")).status).toBe(200);
    });

    test("an IPv6 customer is counted once, whatever its address", async () => {
      let host = 0;
      const flood = () => askAs({ "CF-Connecting-IP": `2001:db8:7:7::${(++host).toString(16)}` });
      expect((await floodUntilLimited(flood))?.status).toBe(429);
    });
  });

  test("reads are limited too, and apart from payments", async () => {
    const headers = { "CF-Connecting-IP": "192.0.2.7" };
    const account = `${world.stack.facilitator}/accounts/${DEMO_MERCHANT_ACCOUNT}`;
    const limited = await floodUntilLimited(() => fetch(account, { headers }));
    expect(await limited?.json()).toMatchObject({ error: "rate_limited" });
    expect((await fetch(`${world.stack.facilitator}/verify`, { method: "POST", body: "{}", headers })).status).toBe(400);
  });

  test("the numbers in wrangler.toml are the named ones", () => {
    const toml = readFileSync(new URL("../../workers/facilitator/wrangler.toml", import.meta.url), "utf8");
    const limits = [...toml.matchAll(/limit = (\d+), period = (\d+)/g)].map(([, limit, period]) => [Number(limit), Number(period)]);
    expect(limits).toEqual([
      [MAX_CALLS_PER_PERIOD, 10],
      [MAX_CANCELLATIONS_PER_PERIOD, 60],
      [MAX_GRANTS_PER_PERIOD, 60],
      [MAX_SALES_PER_PERIOD, 10],
    ]);
  });
});

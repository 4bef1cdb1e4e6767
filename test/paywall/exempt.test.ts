/** Requests that a seller serves without a payment, and options that are typed by the seller's own app. */

import { Hono } from "hono";
import { beforeEach, describe, expect, expectTypeOf, test, vi } from "vitest";
import { encodeHeader, PAYMENT_SIGNATURE } from "../../shared/x402/headers.ts";
import {
  type ExemptingOptions,
  type PaymentContext,
  paywall,
  type PaywallBindings,
  type PaywallEnv,
  type PaywallOptions,
} from "../../workers/merchant/paywall/index.ts";
import { createWorld, ORIGIN, PRICE, termsOf, verdict } from "./world.ts";

let world: Awaited<ReturnType<typeof createWorld>>;
beforeEach(async () => void (world = await createWorld()));

/** A seller's own app: bindings and variables that no paywall knows. */
interface ShopEnv {
  Bindings: PaywallBindings & { KEYS: Set<string>; PRICES: Record<string, string> };
  Variables: { customer: string };
}

const KEYED = { headers: { "X-Api-Key": "good" } };

function shop(options: ExemptingOptions<ShopEnv>) {
  const app = new Hono<ShopEnv>();
  app.use(async (c, next) => {
    c.set("customer", c.req.header("X-Api-Key") ?? "none");
    await next();
  });
  app.all("/item/*", paywall<ShopEnv>(options), (c) => {
    const payment = c.get("payment");
    expectTypeOf(payment).toEqualTypeOf<PaymentContext | undefined>();
    expectTypeOf(c.get("customer")).toEqualTypeOf<string>();
    c.header("Cache-Control", "public, max-age=3600");
    c.header("CDN-Cache-Control", "max-age=3600");
    return c.text(payment ? "paid" : "free");
  });
  const env = { ...world.env, KEYS: new Set(["good"]), PRICES: { "/item/1": "300" } };
  return (init: RequestInit = {}) => app.request(`${ORIGIN}/item/1`, init, env);
}

const byKey = {
  amount: PRICE,
  exempt: async (c: { env: ShopEnv["Bindings"]; get(name: "customer"): string }) => c.env.KEYS.has(c.get("customer")),
};

describe("a request that the seller exempts", () => {
  test("runs the handler without a payment, and its answer is kept by no shared cache [exempt-free]", async () => {
    const free = await shop(byKey)(KEYED);
    expect([free.status, await free.text()]).toEqual([200, "free"]);
    expect(free.headers.get("Cache-Control")).toBe("private, no-store");
    expect(free.headers.has("CDN-Cache-Control")).toBe(false);
    expect(verdict(await shop(byKey)())).toBe("402 payment_required");
  });

  test("moves no money, whatever payment it carries", async () => {
    const payment = await world.shop((c) => c.text("")).approved("/item/1");
    const free = await shop(byKey)({ headers: { ...KEYED.headers, [PAYMENT_SIGNATURE]: encodeHeader(payment) } });
    expect([await free.text(), world.spent(), world.held()]).toEqual(["free", 0n, "0"]);
  });

  test("may be a method", async () => {
    const ask = shop({ amount: PRICE, exempt: ["HEAD", "OPTIONS"] });
    expect((await ask({ method: "HEAD" })).status).toBe(200);
    expect(await (await ask({ method: "OPTIONS" })).text()).toBe("free");
    expect(verdict(await ask())).toBe("402 payment_required");
  });

  test("may switch protocols, which a payment cannot buy", async () => {
    const app = new Hono<PaywallEnv>();
    // Node makes no such response.
    const switching = Object.defineProperty(new Response(null), "status", { value: 101 });
    app.get("/item/1", paywall({ amount: PRICE, exempt: () => true }), () => switching);
    const answer = await app.request(`${ORIGIN}/item/1`, { headers: { Upgrade: "websocket" } }, world.env);
    expect(answer).toBe(switching);
  });
});

describe("a function that does not say yes is no exemption", () => {
  test.each<[what: string, exempt: () => unknown]>([
    ["no", () => false],
    ["nothing", () => undefined],
    ["a word", async () => "yes"],
    ["one", () => 1],
  ])("%s", async (_what, exempt) => {
    expect(verdict(await shop({ amount: PRICE, exempt: exempt as () => boolean })())).toBe("402 payment_required");
  });

  test("one that throws is never free, and is in the log [exempt-throws]", async () => {
    const log = vi.spyOn(console, "log").mockImplementation(() => {});
    for (const exempt of [
      () => {
        throw new Error("the key store is down");
      },
      () => Promise.reject(new Error("the key store is down")),
    ]) {
      const answer = await shop({ amount: PRICE, exempt })(KEYED);
      expect(verdict(answer)).toBe("500 internal_error");
      expect(termsOf(answer)).toBeUndefined();
    }
    const lines = log.mock.calls.map(([line]) => JSON.parse(String(line)) as Record<string, unknown>);
    log.mockRestore();
    expect(lines).toMatchObject([
      { event: "paywall.misconfigured", message: "the function exempt failed", cause: "Error: the key store is down" },
    ]);
  });

  test.each([[[]], ["HEAD"], [["head"]], [{}]])("what is neither is refused when the Worker starts: %j", (exempt) => {
    const start = () => paywall({ amount: PRICE, exempt: exempt as unknown as string[] });
    if (Array.isArray(exempt) && exempt.length === 0) start();
    else expect(start).toThrow(/^paywall: exempt/);
  });
});

test("options see the seller's own bindings and variables, without casts", async () => {
  const app = new Hono<ShopEnv>();
  app.get(
    "/item/:id",
    paywall<ShopEnv>({
      amount: (c) => {
        expectTypeOf(c.env.PRICES).toEqualTypeOf<Record<string, string>>();
        expectTypeOf(c.env.PAY_TO).toEqualTypeOf<string | undefined>();
        return c.env.PRICES[c.req.path] ?? PRICE;
      },
      description: (c) => `For ${c.get("customer")}`,
      onSettled: (_event, env) => expectTypeOf(env.KEYS).toEqualTypeOf<Set<string>>(),
    }),
    (c) => {
      expectTypeOf(c.get("payment")).toEqualTypeOf<PaymentContext>();
      expectTypeOf(c.env.KEYS).toEqualTypeOf<Set<string>>();
      return c.text(c.req.param("id"));
    },
  );
  const answer = await app.request(`${ORIGIN}/item/1`, {}, { ...world.env, KEYS: new Set<string>(), PRICES: { "/item/1": "300" } });
  expect(termsOf(answer)).toMatchObject({ accepts: [{ amount: "300" }] });

  // As the README has it: an app without types of its own.
  new Hono().get("/plain", paywall({ amount: PRICE }), (c) => c.text(c.get("payment").payer));
  // An exempt function cannot hide behind the type that promises a payment.
  // @ts-expect-error -- `exempt` is not among its members
  const options: PaywallOptions = { amount: PRICE, exempt: () => true };
  expect(options).toBeDefined();
});

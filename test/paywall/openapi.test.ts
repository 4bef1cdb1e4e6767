/** Routes of @hono/zod-openapi: their validators run before the payment, and the document states the price. */

import { readFileSync } from "node:fs";
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import { ASSET, NETWORK } from "../../shared/lez.ts";
import { keepBody, paid, paymentInfo, paymentRequired, paywall, type PaywallEnv } from "../../workers/merchant/paywall/index.ts";
import documentedShop from "./documented-shop.ts";
import { createWorld, PRICE, receiptOf, termsOf, verdict } from "./world.ts";

let world: Awaited<ReturnType<typeof createWorld>>;
beforeEach(async () => void (world = await createWorld()));

const OFFER = { amount: PRICE, description: "The length of your text" };
const text = z.object({ text: z.string().min(3) });
const lengthOf = createRoute({
  method: "post",
  path: "/lengths/{unit}",
  request: {
    params: z.object({ unit: z.enum(["characters", "words"]) }),
    body: { content: { "application/json": { schema: text } }, required: true },
  },
  responses: {
    200: { description: "Its length", content: { "application/json": { schema: z.object({ unit: z.string(), length: z.number() }) } } },
    402: paymentRequired(OFFER),
  },
  ...paymentInfo(OFFER),
});

const post = (body: unknown) => ({ method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
const GOOD = post({ text: "three words long" });

describe.each(["authorization", "upfront"] as const)("flow %s", (flow) => {
  const ran = vi.fn();
  const shop = () => {
    const app = new OpenAPIHono<PaywallEnv>();
    app.openapi(
      lengthOf,
      paid({ ...OFFER, flow }, (c) => {
        // What the validators read is typed, and so is the payment.
        const { unit } = c.req.valid("param");
        const { text } = c.req.valid("json");
        ran(c.get("payment").payer);
        return c.json({ unit, length: unit === "words" ? text.split(" ").length : text.length }, 200);
      }),
    );
    return world.around(app);
  };
  beforeEach(() => ran.mockClear());

  test("an invalid request is refused before it is priced; a valid one is offered, and delivered once it is paid [openapi-validated-first]", async () => {
    const { get, approved, pay } = shop();
    for (const [path, init] of [
      ["/lengths/words", post({ text: "no" })],
      ["/lengths/lines", GOOD],
      ["/lengths/words", { ...GOOD, body: "{" }],
    ] as const) {
      const invalid = await get(path, init);
      expect(verdict(invalid)).toBe("400");
      expect(invalid.headers.has("PAYMENT-REQUIRED")).toBe(false);
    }
    expect(verdict(await get("/lengths/words", GOOD))).toBe("402 payment_required");

    const payment = await approved("/lengths/words", GOOD);
    const answer = await pay("/lengths/words", payment, GOOD);
    expect(verdict(answer)).toBe("200");
    expect(await answer.json()).toEqual({ unit: "words", length: 3 });
    expect(receiptOf(answer)?.success).toBe(true);
    expect(answer.headers.get("Cache-Control")).toContain("no-store");
    expect(ran.mock.calls).toEqual([[world.people.owner.account]]);
    expect(world.spent()).toBe(BigInt(PRICE));
    expect(verdict(await pay("/lengths/words", payment, GOOD))).toBe("402 nonce_replayed");
    expect([ran.mock.calls.length, world.spent()]).toEqual([1, BigInt(PRICE)]);
  });

  test("a payment buys the body that it is bound to", async () => {
    const { approved, pay } = shop();
    const payment = await approved("/lengths/words", GOOD);
    expect(verdict(await pay("/lengths/words", payment, post({ text: "another text" })))).toBe("402 binding_mismatch");
    expect(verdict(await pay("/lengths/words", payment, post({ text: "no" })))).toBe("400");
    expect([ran.mock.calls.length, world.spent(), world.held()]).toEqual([0, 0n, "0"]);
    expect(verdict(await pay("/lengths/words", payment, GOOD))).toBe("200");
  });

  test("form data is bound byte by byte behind keepBody()", async () => {
    const app = new OpenAPIHono<PaywallEnv>();
    app.use("/forms", keepBody());
    const route = createRoute({
      method: "post",
      path: "/forms",
      request: { body: { content: { "application/x-www-form-urlencoded": { schema: text } } } },
      responses: { 200: { description: "The text" } },
    });
    app.openapi(
      route,
      paid({ ...OFFER, flow }, (c) => c.text(c.req.valid("form").text)),
    );
    const { get, approved, pay } = world.around(app);
    const form = { method: "POST", body: "text=g%6f%6fds", headers: { "Content-Type": "application/x-www-form-urlencoded" } };
    expect(verdict(await get("/forms", { ...form, body: "text=no" }))).toBe("400");
    expect(await (await pay("/forms", await approved("/forms", form), form)).text()).toBe("goods");
  });

  test.each(["answers 503", "throws"])("a handler that %s costs nothing, or is owed", async (how) => {
    let fails = true;
    const app = new OpenAPIHono<PaywallEnv>();
    app.onError((_error, c) => c.text("broken", 500));
    const route = createRoute({ method: "get", path: "/report", responses: { 200: { description: "It" }, 503: { description: "Busy" } } });
    app.openapi(
      route,
      paid({ ...OFFER, flow }, async (c) => {
        if (fails && how === "throws") throw new Error("no report");
        return c.text("report", fails ? 503 : 200);
      }),
    );
    const { approved, pay } = world.around(app);
    const payment = await approved("/report");
    expect((await pay("/report", payment)).status).toBe(how === "throws" ? 500 : 503);
    expect([world.spent(), world.held()]).toEqual([flow === "upfront" ? BigInt(PRICE) : 0n, "0"]);
    fails = false;
    expect(await (await pay("/report", payment)).text()).toBe("report");
    expect(world.spent()).toBe(BigInt(PRICE));
  });
});

test("the shop of docs/selling.md is what the page shows, and sells", async () => {
  const [page, file] = ["docs/selling.md", "test/paywall/documented-shop.ts"].map((name) => readFileSync(name, "utf8"));
  const [, shown = "none"] = /```ts\n(const PRICE = [^]*?)```/.exec(page ?? "") ?? [];
  expect(file).toContain(shown);
  const { get, approved, pay } = world.around(documentedShop);
  const order = post({ text: "a text to summarize" });
  expect(verdict(await get("/summaries", post({})))).toBe("400");
  expect(await (await pay("/summaries", await approved("/summaries", order), order)).text()).toBe("a text to …");
});

test("a paid handler behind a paywall, or in another, is not offered", async () => {
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  const behind = new OpenAPIHono<PaywallEnv>();
  behind.use("/lengths/*", paywall(OFFER));
  behind.post(
    "/lengths/:unit",
    paid(OFFER, () => new Response("goods")),
  );
  const inside = new OpenAPIHono<PaywallEnv>();
  inside.post(
    "/lengths/:unit",
    paywall(OFFER),
    paid(OFFER, () => new Response("goods")),
  );
  for (const app of [behind, inside]) {
    const answer = await world.around(app).get("/lengths/words", GOOD);
    expect(verdict(answer)).toBe("500 internal_error");
    expect(answer.headers.has("PAYMENT-REQUIRED")).toBe(false);
  }
  log.mockRestore();
});

test("a configuration that could never be paid is refused at start-up", () => {
  expect(() => paid({ amount: "0.5" }, () => new Response("goods"))).toThrow(TypeError);
  expect(() => paymentInfo({ amount: "0.5" })).toThrow(TypeError);
});

describe("the OpenAPI document", () => {
  const document = async () => {
    const app = new OpenAPIHono<PaywallEnv>();
    app.openapi(
      lengthOf,
      paid(OFFER, (c) => c.json({ unit: "", length: 0 }, 200)),
    );
    app.doc31("/openapi.json", { openapi: "3.1.0", info: { title: "Lengths", version: "1" } });
    const { get } = world.around(app);
    const answer = await get("/openapi.json");
    expect(answer.status).toBe(200);
    const { paths } = (await answer.json()) as { paths: Record<string, Record<string, Record<string, unknown>>> };
    return { operation: paths["/lengths/{unit}"]?.["post"], get };
  };

  test("states what the 402 asks, and its 402 [openapi-price]", async () => {
    const { operation, get } = await document();
    const [asked] = termsOf(await get("/lengths/words", GOOD))?.accepts ?? [];
    expect(operation?.["x-payment-info"]).toEqual({
      price: { mode: "fixed", currency: "LGO", amount: "0.00001" },
      protocols: [{ x402: { scheme: "exact", network: NETWORK, asset: ASSET, amount: asked?.amount, maxTimeoutSeconds: 900 } }],
    });
    expect(asked).toMatchObject({ amount: PRICE, maxTimeoutSeconds: 900, network: NETWORK, asset: ASSET });
    expect(operation?.["responses"]).toMatchObject({
      402: {
        description: expect.stringContaining("0.00001 LGO"),
        headers: { "PAYMENT-REQUIRED": { schema: { type: "string" } } },
        content: { "application/json": { schema: { type: "object", required: ["x402Version", "error", "resource", "accepts"] } } },
      },
    });
  });

  test("names the payee if the route does", () => {
    const { "x-payment-info": info } = paymentInfo({ ...OFFER, payTo: DEMO_MERCHANT_ACCOUNT });
    expect(info.protocols[0]?.x402).toMatchObject({ payTo: DEMO_MERCHANT_ACCOUNT });
  });
});

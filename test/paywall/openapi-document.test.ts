/** The OpenAPI document that an app's priced routes make by themselves. */

import { OpenAPIHono, createRoute, z } from "@hono/zod-openapi";
import { Hono } from "hono";
import { beforeAll, describe, expect, test } from "vitest";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import { paid, paywall, type PaywallEnv } from "../../workers/merchant/paywall/index.ts";
import { paywallOpenApi } from "../../workers/merchant/paywall/openapi-document.ts";
import { createWorld, PRICE, termsOf } from "./world.ts";

let world: Awaited<ReturnType<typeof createWorld>>;
beforeAll(async () => void (world = await createWorld()));

interface Operation {
  summary?: string;
  tags?: string[];
  parameters?: object[];
  requestBody?: object;
  responses: Record<string, { description: string; content?: object }>;
  "x-payment-info": { price: object; protocols: { x402: Record<string, unknown> }[] };
}
type Paths = Record<string, Record<string, Operation>>;

const INFO = { title: "Shop", version: "2" };
const OFFER = { amount: PRICE, description: "A report" };
const goods = () => new Response("goods");
const newApp = () => new Hono<PaywallEnv>();

async function documentOf(app: Hono<PaywallEnv>, env: object = {}) {
  app.get("/openapi.json", paywallOpenApi(app, INFO));
  const answer = await app.request("/openapi.json", undefined, env);
  expect(answer.status).toBe(200);
  return (await answer.json()) as { openapi: string; info: object; paths: Paths };
}
const pathsOf = async (app: Hono<PaywallEnv>, env?: object) => (await documentOf(app, env)).paths;
const listed = async (app: Hono<PaywallEnv>) =>
  Object.entries(await pathsOf(app)).flatMap(([path, item]) => Object.keys(item).map((method) => `${method} ${path}`));

test("any app lists its priced routes with the terms that their 402s ask, and no other route [openapi-any-app]", async () => {
  const app = newApp();
  app.get("/free", goods);
  app.get("/report", paywall({ ...OFFER, mimeType: "text/plain" }), goods);
  const { openapi, info, paths } = await documentOf(app, { PAY_TO: DEMO_MERCHANT_ACCOUNT });
  expect([openapi, info, Object.keys(paths)]).toEqual(["3.1.0", INFO, ["/report"]]);
  const { get } = paths["/report"] ?? {};
  expect(get).toMatchObject({
    summary: "A report",
    responses: { 200: { content: { "text/plain": {} } }, 402: { description: expect.stringContaining("0.00001 LGO") } },
  });
  const [asked] = termsOf(await world.around(app).get("/report"))?.accepts ?? [];
  const { scheme, network, asset, amount, maxTimeoutSeconds } = asked ?? {};
  expect(get?.["x-payment-info"].protocols).toEqual([
    { x402: { scheme, network, asset, amount, maxTimeoutSeconds, payTo: DEMO_MERCHANT_ACCOUNT } },
  ]);
});

test("the payee is the route's, else the deployment's, else not named", async () => {
  const shop = () =>
    newApp()
      .get("/a", paywall({ ...OFFER, payTo: "11111111111111111111111111111112" }), goods)
      .get("/b", paywall(OFFER), goods);
  const payees = async (env?: object) =>
    Object.values(await pathsOf(shop(), env)).map(({ get }) => get?.["x-payment-info"].protocols[0]?.x402["payTo"]);
  expect(await payees({ PAY_TO: DEMO_MERCHANT_ACCOUNT })).toEqual(["11111111111111111111111111111112", DEMO_MERCHANT_ACCOUNT]);
  for (const env of [{}, { PAY_TO: "" }, { PAY_TO: "alice" }])
    expect(await payees(env)).toEqual(["11111111111111111111111111111112", undefined]);
  // One isolate, two environments: neither answer is the other's.
  const app = shop();
  app.get("/openapi.json", paywallOpenApi(app, INFO));
  const answers = [DEMO_MERCHANT_ACCOUNT, undefined].map(async (PAY_TO) =>
    (await app.request("/openapi.json", undefined, { PAY_TO })).text(),
  );
  const [first, second] = await Promise.all(answers);
  expect([first?.includes(DEMO_MERCHANT_ACCOUNT), second?.includes(DEMO_MERCHANT_ACCOUNT)]).toEqual([true, false]);
});

describe("what is priced is found", () => {
  test("behind a paywall for a part of the app, from there on", async () => {
    const app = newApp();
    app.get("/api/before", goods);
    app.use("/api/*", paywall(OFFER));
    for (const path of ["/api/*", "/api/reports"]) app.use(path, async (_c, next) => next());
    app.get("/api/reports/:id", goods);
    app.post("/api/reports", goods);
    app.all("/api/any", goods);
    app.get("/other", goods);
    const any = ["get", "post", "put", "patch", "delete"].map((method) => `${method} /api/any`);
    expect(await listed(app)).toEqual(["get /api/reports/{id}", "post /api/reports", ...any]);
  });

  test("in an app of its own, with its own errors and under a path", async () => {
    const inner = newApp().get("/report", paywall(OFFER), goods);
    inner.onError((_error, c) => c.text("broken", 500));
    expect(await listed(newApp().route("/v1", inner))).toEqual(["get /v1/report"]);
  });

  test("in routes of @hono/zod-openapi with paid()", async () => {
    const app = new OpenAPIHono<PaywallEnv>();
    const route = createRoute({
      method: "get",
      path: "/users/{id}",
      request: { params: z.object({ id: z.string() }) },
      responses: { 200: { description: "It" } },
    });
    app.openapi(
      route,
      paid(OFFER, (c) => c.text(c.req.valid("param").id)),
    );
    expect(await listed(app)).toEqual(["get /users/{id}"]);
  });

  test("with the parameters of its path, also those that may be absent", async () => {
    const app = newApp().get("/a/:id{[0-9]+}/:part?", paywall(OFFER), goods);
    const paths = await pathsOf(app);
    const id = { name: "id", in: "path", required: true, schema: { type: "string", pattern: "^(?:[0-9]+)$" } };
    expect(paths["/a/{id}"]?.["get"]?.parameters).toEqual([id]);
    expect(paths["/a/{id}/{part}"]?.["get"]?.parameters).toEqual([
      id,
      { name: "part", in: "path", required: true, schema: { type: "string" } },
    ]);
  });

  test("with the input that it declares", async () => {
    const discoverable = {
      tags: ["weather"],
      input: { city: "Zurich" },
      inputSchema: { properties: { days: { type: "integer" } }, required: ["city"] },
    };
    const app = newApp();
    app.get("/weather", paywall({ ...OFFER, discoverable }), goods);
    app.post("/weather", paywall({ ...OFFER, discoverable }), goods);
    const { get, post } = (await pathsOf(app))["/weather"] ?? {};
    expect(get?.parameters).toEqual([
      { name: "city", in: "query", required: true, schema: { type: "string" }, example: "Zurich" },
      { name: "days", in: "query", required: false, schema: { type: "integer" } },
    ]);
    expect(post).toMatchObject({
      tags: ["weather"],
      requestBody: { content: { "application/json": { example: { city: "Zurich" }, schema: { required: ["city"] } } } },
    });
    expect([get?.requestBody, post?.parameters]).toEqual([undefined, undefined]);
  });

  test("with a price by request, by use, and of several offers", async () => {
    const app = newApp();
    app.get("/dynamic", paywall({ amount: (c) => c.req.query("n") ?? "1", description: () => "of today" }), goods);
    app.get("/upto", paywall({ amount: "500", scheme: "upto" }), goods);
    app.get("/offers", paywall({ offers: [{ amount: "1" }, { amount: "3", flow: "upfront" }] }), goods);
    const paths = await pathsOf(app, { PAY_TO: DEMO_MERCHANT_ACCOUNT });
    const info = (path: string) => paths[path]?.["get"]?.["x-payment-info"];
    expect(info("/dynamic")?.price).toEqual({ mode: "dynamic", currency: "LGO" });
    expect(paths["/dynamic"]?.["get"]).not.toHaveProperty("summary");
    expect(info("/upto")?.price).toEqual({ mode: "dynamic", currency: "LGO", max: "0.0000005" });
    expect(info("/offers")?.protocols.map(({ x402 }) => [x402["amount"], x402["payTo"]])).toEqual([
      ["1", DEMO_MERCHANT_ACCOUNT],
      ["3", DEMO_MERCHANT_ACCOUNT],
    ]);
  });
});

test("routes for all paths, and methods that are free, are left out [openapi-left-out]", async () => {
  const app = newApp();
  app.get("/files/*", paywall(OFFER), goods);
  app.all("/mixed", paywall({ ...OFFER, exempt: ["POST", "PUT", "PATCH", "DELETE"] }), goods);
  app.on("HEAD", "/head", paywall(OFFER), goods);
  expect(await listed(app)).toEqual(["get /mixed"]);
});

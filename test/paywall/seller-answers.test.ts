/** What a seller adds to the paywall's answers, and what it is told of payments. */

import { Hono, type Context } from "hono";
import { html } from "hono/html";
import { beforeEach, describe, expect, expectTypeOf, test, vi } from "vitest";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import { PAYMENT_IDENTIFIER, withIdentifier } from "../../shared/extensions/payment-identifier.ts";
import type { PaymentRequired } from "../../shared/x402/x402.ts";
import {
  paywall,
  paywallCors,
  type PaywallEnv,
  type PaywallOptions,
  type RefusedEvent,
  type SettledEvent,
} from "../../workers/merchant/paywall/index.ts";
import { isolateDeliveries } from "../../workers/merchant/paywall/memory/isolate.ts";
import { createWorld, memoryAnswers, ORIGIN, PRICE, receiptOf, termsOf, verdict } from "./world.ts";

let world: Awaited<ReturnType<typeof createWorld>>;
beforeEach(async () => void (world = await createWorld()));

const BROWSER = { headers: { Accept: "text/html" } };
/** A fault is logged once a minute. */
let minutes = 2000;
async function faults(work: () => Promise<unknown>): Promise<Record<string, unknown>[]> {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 61_000 * minutes++ });
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  try {
    await work();
    return log.mock.calls
      .map(([line]) => JSON.parse(String(line)) as Record<string, unknown>)
      .filter(({ event }) => event === "paywall.function_failed");
  } finally {
    log.mockRestore();
    vi.useRealTimers();
  }
}

const get = (options: Partial<PaywallOptions>, init: RequestInit = {}, path = "/item/1") =>
  world.shop((c) => c.text("goods"), options).get(path, init);

describe("the seller's own page", () => {
  test.each<[what: string, page: NonNullable<PaywallOptions["page"]>]>([
    ["as text", "<h1>Ours</h1>"],
    ["of the terms", ({ accepts }: PaymentRequired) => html`<h1>Ours</h1>${accepts[0]?.amount}`],
    ["later", async () => "<h1>Ours</h1>"],
  ])("%s is what browsers see, with our headers and terms [page-own]", async (_what, page) => {
    const shown = await get({ page }, BROWSER);
    expect(await shown.text()).toContain("<h1>Ours</h1>");
    expect([verdict(shown), shown.headers.get("Content-Type")]).toEqual(["402 payment_required", "text/html; charset=utf-8"]);
    expect(shown.headers.get("Cache-Control")).toBe("no-store");
    expect(termsOf(shown)?.accepts[0]?.amount).toBe(PRICE);
    expect((await get({ page })).headers.get("Content-Type")).toContain("application/json");
  });

  test("by `html`, a stranger's address is only text", async () => {
    const page = ({ resource }: PaymentRequired) => html`<p>${resource.url}</p>`;
    const shown = await get({ page }, BROWSER, "/item/1?'\"&<b>");
    expect(await shown.text()).toMatch(/^<p>[^<>]*<\/p>$/);
  });

  test("cannot change the terms", async () => {
    const page = (terms: PaymentRequired) => ((terms.accepts = []), "<p>free</p>");
    const shop = world.shop((c) => c.text("goods"), { page });
    await shop.get("/item/1", BROWSER);
    expect(termsOf(await shop.get("/item/1", BROWSER))?.accepts[0]?.amount).toBe(PRICE);
  });
});

describe("the seller's own members of the body", () => {
  test.each([
    ["as an object", { documentation: "https://shop.example/docs" }],
    ["by request", async (c: Context) => ({ documentation: `https://shop.example/docs${c.req.path === "/item/1" ? "" : "?"}` })],
  ])("%s stand beside the protocol's [body-own]", async (_what, body) => {
    const shown = await get({ body });
    expect(await shown.json()).toMatchObject({
      ...termsOf(shown),
      problem: { code: "payment_required" },
      documentation: "https://shop.example/docs",
    });
  });

  test("replace none of the protocol's", async () => {
    const shown = await get({ body: { accepts: [], error: "none", problem: 1, x402Version: 1, own: true } });
    expect(await shown.json()).toMatchObject({ ...termsOf(shown), problem: { code: "payment_required" }, own: true });
  });
});

test.each<[option: "page" | "body", value: unknown]>([
  [
    "page",
    () => {
      throw new Error("no template");
    },
  ],
  ["page", () => 7],
  [
    "body",
    async () => {
      throw new Error("no words");
    },
  ],
  ["body", () => "text"],
  ["body", () => ({ count: 1n })],
])("a %s that fails leaves ours, and is in the log once a minute", async (option, value) => {
  const answers: Response[] = [];
  const logged = await faults(async () => {
    for (let time = 0; time < 2; time++) answers.push(await get({ [option]: value }, option === "page" ? BROWSER : {}));
  });
  for (const answer of answers) {
    expect([verdict(answer), termsOf(answer)?.accepts[0]?.amount]).toEqual(["402 payment_required", PRICE]);
    expect(await answer.text()).toContain(PRICE);
  }
  expect(logged).toMatchObject([{ function: option, cause: expect.any(String) }]);
});

test.each([
  ["page", { page: 7 }],
  ["body", { body: "text" }],
  ["onSettled", { onSettled: "log" }],
  ["onRefused", { onRefused: {} }],
])("%s of another type is refused when the Worker starts", (name, options) => {
  expect(() => paywall({ amount: PRICE, ...(options as object) })).toThrow(new RegExp(`^paywall: ${name}`));
});

describe("CORS", () => {
  const shop = (...options: Parameters<typeof paywallCors>) => world.shop((c) => c.text("goods"), {}, [paywallCors(...options)]);
  const ORIGIN_OF_APP = { headers: { Origin: "https://app.example" } };

  test("exposes when to come back, beside the terms", async () => {
    const exposed = (await shop().get("/item/1", ORIGIN_OF_APP)).headers.get("Access-Control-Expose-Headers");
    for (const name of ["Retry-After", "PAYMENT-REQUIRED", "PAYMENT-RESPONSE", "X-Payment-Error"]) expect(exposed).toContain(name);
  });

  test("takes Hono's options, and adds headers to the protocol's [cors-options]", async () => {
    const own = shop({
      origin: "https://app.example",
      credentials: true,
      exposeHeaders: ["X-Own"],
      allowHeaders: ["X-Api-Key"],
      maxAge: 600,
    });
    const { headers } = await own.get("/item/1", ORIGIN_OF_APP);
    expect(headers.get("Access-Control-Allow-Origin")).toBe("https://app.example");
    expect(headers.get("Access-Control-Allow-Credentials")).toBe("true");
    expect(headers.get("Access-Control-Expose-Headers")).toMatch(/PAYMENT-REQUIRED.*Retry-After.*X-Own/);
    const preflight = await own.get("/item/1", {
      method: "OPTIONS",
      headers: { ...ORIGIN_OF_APP.headers, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "x-api-key" },
    });
    expect(preflight.headers.get("Access-Control-Allow-Headers")).toMatch(/PAYMENT-SIGNATURE.*X-Api-Key/);
    expect(preflight.headers.get("Access-Control-Max-Age")).toBe("600");
  });

  test("credentials for every origin are refused when the Worker starts", () => {
    expect(() => paywallCors({ credentials: true })).toThrow(TypeError);
  });
});

describe("hooks", () => {
  const settled = vi.fn<(event: SettledEvent) => unknown>();
  const refused = vi.fn<(event: RefusedEvent) => unknown>();
  const hooks = { onSettled: settled, onRefused: refused };
  beforeEach(() => {
    settled.mockReset();
    refused.mockReset();
  });
  /** Timers of one length end in their order, so the hooks that were due have been called. */
  const told = () => new Promise((resolve) => setTimeout(resolve));
  const refusedEvents = () => refused.mock.calls.map(([event]) => event);
  const settledEvents = () => settled.mock.calls.map(([event]) => event);
  const log = () => vi.spyOn(console, "log").mockImplementation(() => {});

  test.each(["authorization", "upfront"] as const)(
    "flow %s: one settlement is told once, with its transaction [hook-settled]",
    async (flow) => {
      const shop = world.shop((c) => c.text("goods"), { flow, ...hooks });
      await shop.get("/item/1");
      const payment = await shop.approved("/item/1");
      const paid = await shop.pay("/item/1", payment);
      expect(settled).not.toHaveBeenCalled(); // the answer is first
      await told();
      const { transaction } = receiptOf(paid) ?? {};
      const about = { path: "/item/1", traceId: expect.stringMatching(/^[0-9a-f]{32}$/), payer: world.people.owner.account };
      expect(settledEvents()).toEqual([{ money: "moved", transaction, payTo: DEMO_MERCHANT_ACCOUNT, amount: PRICE, offer: 0, ...about }]);
      await shop.pay("/item/1", payment);
      await told();
      expect(refusedEvents()).toEqual([{ money: "not_moved", code: "nonce_replayed", status: 402, ...about }]);
      expect(settled).toHaveBeenCalledTimes(1);
    },
  );

  test("an answer that was lost is unknown, and then settled, once", async () => {
    const shop = world.shop((c) => c.text("goods"), hooks);
    const payment = await shop.approved("/item/1");
    const { capture } = world.rpc;
    world.rpc.capture = async (...args) => (await capture(...args), Promise.reject(new Error("lost")));
    await shop.pay("/item/1", payment);
    world.rpc.capture = capture;
    const paid = await shop.pay("/item/1", payment);
    await told();
    const { transaction } = receiptOf(paid) ?? {};
    expect(refusedEvents()).toMatchObject([{ money: "unknown", code: "settlement_pending", transaction }]);
    expect(settledEvents()).toMatchObject([{ money: "moved", transaction }]);
  });

  test("a refusal after the money moved says so", async () => {
    Object.assign(world.env, {
      DELIVERIES: { getByName: () => ({ ...isolateDeliveries(), ...memoryAnswers(), canOpen: async () => true }) },
    });
    const broken = () => new Response(new ReadableStream({ pull: (controller) => controller.error(new Error("broken")) }));
    const shop = world.shop(broken, { flow: "upfront", ...hooks });
    const payment = await shop.approved("/item/1");
    const silent = log();
    const extensions = { [PAYMENT_IDENTIFIER]: withIdentifier(undefined, "pay_0123456789abcdef") };
    expect(verdict(await shop.pay("/item/1", { ...payment, extensions }))).toBe("500 internal_error");
    silent.mockRestore();
    await told();
    expect(refusedEvents()).toMatchObject([{ money: "moved", code: "internal_error", transaction: settledEvents()[0]?.transaction }]);
  });

  test("a payment that cannot be read is refused, too; a price that was only asked is not", async () => {
    const shop = world.shop((c) => c.text("goods"), hooks);
    await shop.get("/item/1");
    await shop.get("/item/1", { headers: { "PAYMENT-SIGNATURE": "###" } });
    await told();
    expect(refusedEvents()).toMatchObject([{ money: "not_moved", code: "invalid_payload", status: 400 }]);
  });

  test.each<[what: string, hook: () => unknown, isFault: boolean]>([
    [
      "throws",
      () => {
        throw new Error("no books");
      },
      true,
    ],
    ["rejects", () => Promise.reject(new Error("no books")), true],
    ["throws no Error", () => Promise.reject("no books"), true], // oxlint-disable-line typescript/prefer-promise-reject-errors -- that is the point
    ["never ends", () => new Promise(() => {}), false],
  ])("one that %s changes no answer and delays none; what it threw is in the log [hook-harmless]", async (_what, hook, isFault) => {
    const shop = world.shop((c) => c.text("goods"), { onSettled: hook, onRefused: hook });
    const payment = await shop.approved("/item/1");
    const answers: Response[] = [];
    const logged = await faults(async () => {
      answers.push(await shop.pay("/item/1", payment), await shop.pay("/item/1", payment));
      await told();
    });
    expect(answers.map(verdict)).toEqual(["200", "402 nonce_replayed"]);
    expect(await answers[0]?.text()).toBe("goods");
    expect(logged.map((line) => line["function"])).toEqual(isFault ? ["onSettled", "onRefused"] : []);
  });

  test("they outlive the client where the platform lets them", async () => {
    const app = new Hono<PaywallEnv>().get("/item/1", paywall({ amount: PRICE, ...hooks }), (c) => c.text("goods"));
    const waits: Promise<unknown>[] = [];
    const context = { waitUntil: (work: Promise<unknown>) => void waits.push(work), passThroughOnException: () => {}, props: {} };
    const payment = await world.shop((c) => c.text("goods")).approved("/item/1");
    await app.request(`${ORIGIN}/item/1`, { headers: { "PAYMENT-SIGNATURE": btoa(JSON.stringify(payment)) } }, world.env, context);
    await Promise.all(waits);
    expect(settled).toHaveBeenCalledTimes(1);
  });

  test("whether money moved is a type", () => {
    const book = (event: SettledEvent | RefusedEvent): string => {
      if (event.money === "not_moved") return "";
      expectTypeOf(event.transaction).toEqualTypeOf<string>();
      return event.transaction;
    };
    expect(book({ money: "not_moved", code: "overloaded", status: 503, path: "/", traceId: "" })).toBe("");
  });
});

/** A seller's opt-in to a catalogue: what the 402 declares, and what a facilitator is told, of the seller's words and of no one else's. */

import type { PaymentPayload, PaymentRequirements } from "@x402/core/types";
import { extractDiscoveryInfo, validateDiscoveryExtension } from "@x402/extensions/bazaar";
import { Hono } from "hono";
import { describe, expect, test, vi } from "vitest";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import { BAZAAR } from "../../shared/extensions/bazaar.ts";
import type { UnverifiedPayment } from "../../shared/settlement/commands.ts";
import { catalogueEntry } from "../../workers/facilitator/catalogue-entry.ts";
import { paywall, type PaywallEnv, type PaywallOptions } from "../../workers/merchant/paywall/index.ts";
import { checkOptions } from "../../workers/merchant/paywall/options.ts";
import { readPayment } from "../../workers/merchant/paywall/presented-payment.ts";
import { Challenges } from "../../workers/merchant/paywall/terms/challenge.ts";
import { createWorld, PRICE, termsOf, verdict } from "./world.ts";

const DECLARED = {
  serviceName: "Shop",
  tags: ["cities"],
  input: { days: 3 },
  inputSchema: { properties: { days: { type: "integer" } }, required: ["days"] },
  output: { example: { sky: "clear" } },
};

/** A shop, and what its facilitator is told to list. */
async function openShop(discoverable: PaywallOptions["discoverable"], path = `${newPath()}/:city{[a-z0-9]+}`, on = path) {
  const world = await createWorld();
  const told: UnverifiedPayment[] = [];
  world.rpc.list = vi.fn(async (payment: UnverifiedPayment) => told.push(structuredClone(payment)) > 0);
  const app = new Hono<PaywallEnv>();
  app.use(on, paywall({ amount: PRICE, description: "Cities", ...(discoverable !== undefined && { discoverable }) }));
  app.all(path, (c) => c.text("goods"));
  const shop = world.around(app);
  const buy = async (path: string, changes: object = {}, init?: RequestInit) => {
    const answer = await shop.pay(path, { ...(await shop.approved(path, init)), ...changes }, init);
    await new Promise((resolve) => setTimeout(resolve, 5));
    return verdict(answer);
  };
  return { world, told, shop, buy };
}

const listedBy = ({ paymentPayload }: UnverifiedPayment) => catalogueEntry(paymentPayload, "seller", true)?.item;
/** A path that no other test sells by: an isolate lists each route once an hour. */
const newPath = () => `/${crypto.randomUUID()}`;

test("the official facilitator and ours read the same route in it, by the names of its parameters [discoverable-declares]", async () => {
  const path = newPath();
  const { told, shop, buy } = await openShop(DECLARED, `${path}/:city{[a-z0-9]+}`);
  expect(await buy(`${path}/bern?days=2`)).toBe("200");
  const [payment] = told;
  const payload = payment?.paymentPayload as PaymentPayload;
  const official = extractDiscoveryInfo(payload, payment?.paymentRequirements as PaymentRequirements);
  expect(official).toMatchObject({
    resourceUrl: `https://merchant.example.com${path}/:city`,
    method: "GET",
    description: "Cities",
    serviceName: "Shop",
    tags: ["cities"],
    discoveryInfo: {
      input: { type: "http", method: "GET", queryParams: { days: 3 } },
      output: { type: "json", example: { sky: "clear" } },
    },
  });
  expect(payment && listedBy(payment)).toMatchObject({ resource: official?.resourceUrl, accepts: [{ amount: PRICE }], tags: ["cities"] });
  const posted = termsOf(await shop.get(`${path}/bern`, { method: "POST", body: "{}" }))?.extensions?.[BAZAAR];
  expect(validateDiscoveryExtension(posted as never)).toEqual({ valid: true });
});

describe("a facilitator is told", () => {
  test.each([
    ["the seller's words, whatever the buyer echoes", true],
    ["nothing, though the buyer sends the extension", false],
  ])("over HTTP, too: %s [discoverable-over-http]", (_, discoverable) => {
    const challenge = new Challenges(checkOptions({ amount: PRICE, discoverable })).for(
      { method: "GET", url: "https://merchant.example.com/item" },
      { payTo: DEMO_MERCHANT_ACCOUNT, storesAnswers: false, flow: "upfront" },
    );
    const [accepted] = challenge.offers;
    if (!accepted) throw new Error("no offer");
    const own = { ...challenge.required.extensions };
    const echoed = discoverable ? { ...(own[BAZAAR] as object), routeTemplate: "/:any" } : { info: {} };
    const resource = { url: "https://bank.example/" };
    const payment = { x402Version: 2, accepted, payload: {}, resource, extensions: { [BAZAAR]: echoed, other: {} } } as const;
    const read = readPayment({ ok: true, payment }, challenge, "");
    expect(read.presented?.payment.extensions).toEqual({ ...own, other: {} });
    expect(read.presented?.payment.resource).toEqual(discoverable ? challenge.required.resource : resource);
  });

  test("nothing of a route whose seller did not opt in, though its buyer sends the extension [discoverable-opt-in]", async () => {
    const path = newPath();
    const { told, buy } = await openShop(undefined, path);
    const echoed = { info: { input: { type: "http", method: "GET" } } };
    expect(await buy(path, { extensions: { [BAZAAR]: echoed } })).toBe("200");
    expect(told).toEqual([]);
  });

  test("the seller's words in place of the buyer's, once an hour [discoverable-own-words]", async () => {
    const path = newPath();
    const shop = await openShop(true, path);
    const forged = { resource: { url: "https://bank.example/", description: "Send money here", tags: ["bank"] } };
    expect(await shop.buy(path, forged)).toBe("200");
    expect(await shop.buy(`${path}?again`)).toBe("200");
    expect(shop.told).toHaveLength(1);
    expect(shop.told.map(listedBy)).toMatchObject([{ resource: `https://merchant.example.com${path}`, description: "Cities" }]);
  });

  test("and its failure, its silence and its age change no sale [discoverable-not-in-the-way]", async () => {
    for (const list of [
      () => Promise.reject(new TypeError('The RPC receiver does not implement "list"')),
      () => new Promise<never>(() => {}),
      undefined,
    ]) {
      const path = newPath();
      const { world, buy } = await openShop(true, path);
      const asked = list && vi.fn(list);
      Object.assign(world.rpc, { list: asked });
      expect(await buy(path)).toBe("200");
      if (asked) expect(asked).toHaveBeenCalledTimes(1);
    }
  });

  test.each([
    ["/files/*", "/files/*", "/files/a/b"],
    ["/*", "/*", "/secret"],
  ])("and lists no buyer's path under a route for all of them: %s", async (path, on, asked) => {
    const { told, buy } = await openShop(true, path, on);
    expect(await buy(asked)).toBe("200");
    expect(told.map(listedBy)).toEqual([undefined]);
  });

  test("the handler's own path, where the paywall stands on a wider one", async () => {
    const { told, buy } = await openShop(true, "/wide/:id", "/wide/*");
    expect(await buy("/wide/7")).toBe("200");
    expect(told.map(listedBy)).toMatchObject([{ resource: "https://merchant.example.com/wide/:id" }]);
  });
});

test.each<[string, object]>([
  ["no object", { discoverable: "yes" }],
  ["a name in other letters", { discoverable: { serviceName: "Lädeli" } }],
  ["too many tags", { discoverable: { tags: ["a", "b", "c", "d", "e", "f"] } }],
  ["a long tag", { discoverable: { tags: ["x".repeat(33)] } }],
  ["the extension beside it", { extensions: { [BAZAAR]: { info: {} } } }],
  ["a declaration that fits no header", { discoverable: { input: { text: "x".repeat(9000) } } }],
])("%s is refused at start-up", (_, options) => {
  expect(() => paywall({ amount: PRICE, ...options } as PaywallOptions)).toThrow(TypeError);
});

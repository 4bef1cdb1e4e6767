/** Discovery as x402's `bazaar` describes it: the official client lists what was sold through the running facilitator. */

import { HTTPFacilitatorClient } from "@x402/core/server";
import type { Network } from "@x402/core/types";
import { bazaarResourceServerExtension, declareDiscoveryExtension, withBazaar } from "@x402/extensions/bazaar";
import { paymentMiddleware, x402ResourceServer } from "@x402/hono";
import { Hono } from "hono";
import { describe, expect, test } from "vitest";
import { sandbox } from "../../agent-cli/testing/cli.ts";
import { registerExactLezScheme } from "../../shared/exact/server/index.ts";
import { ASSET, NETWORK, SCHEME } from "../../shared/lez.ts";
import { generateSecretKey, keySigner } from "../../shared/protocol/signer.ts";
import { unixNow } from "../../shared/time.ts";
import { listen, officialClient } from "../interop/official.ts";
import { signedPayment } from "../signed.ts";
import { useStack } from "../stack/stack.ts";

const world = useStack();
const box = sandbox();
const officialCatalogue = () => withBazaar(new HTTPFacilitatorClient({ url: world.stack.facilitator })).extensions.bazaar;
const newPayee = async () => (await keySigner(generateSecretKey())).account;
const listedFor = (payTo: string) => officialCatalogue().listResources({ payTo });

/** Settles a payment whose seller opted in, as any caller can. @returns its payee */
async function settle(resource: object, bazaar: object, call = "settle"): Promise<string> {
  const { people } = await world.buyer();
  const to = await newPayee();
  const { payload, requirements } = await signedPayment(people.owner, { to, value: "1" as never });
  const paymentPayload = { ...payload, resource, extensions: { bazaar } };
  const body = JSON.stringify({ x402Version: 2, paymentPayload, paymentRequirements: requirements });
  const answer = await fetch(`${world.stack.facilitator}/${call}`, { method: "POST", body });
  expect(await answer.json()).toMatchObject(call === "settle" ? { success: true } : { isValid: true });
  return to;
}

test("the official merchant's declared route is listed for the official client, without its buyer [discovery-official-merchant]", async () => {
  const payTo = await newPayee();
  const app = new Hono();
  const resourceServer = registerExactLezScheme(new x402ResourceServer(new HTTPFacilitatorClient({ url: world.stack.facilitator })));
  resourceServer.registerExtension(bazaarResourceServerExtension);
  const accepts = { scheme: SCHEME, network: NETWORK as Network, payTo, price: { asset: ASSET, amount: "10000" }, maxTimeoutSeconds: 300 };
  const declared = declareDiscoveryExtension({ input: { days: "3" }, inputSchema: { properties: { days: { type: "string" } } } });
  const route = { accepts, description: "The official forecast", serviceName: "Forecasts", tags: ["weather"], extensions: declared };
  app.use(paymentMiddleware({ "GET /forecast/:city": route, "GET /hidden": { accepts } }, resourceServer));
  app.get("*", (c) => c.json({ sky: "clear" }));
  const origin = await listen((request) => app.fetch(request));
  const buyer = await world.buyer();
  const { fetch } = officialClient(buyer.people.owner);
  expect((await fetch(`${origin}/forecast/Basel?days=2`)).status).toBe(200);
  expect((await fetch(`${origin}/hidden`)).status).toBe(200);

  const { items, pagination, x402Version } = await listedFor(payTo);
  expect({ x402Version, pagination }).toEqual({ x402Version: 2, pagination: { limit: 20, offset: 0, total: 1 } });
  expect(items).toEqual([
    {
      resource: `${origin}/forecast/:city`,
      type: "http",
      x402Version: 2,
      accepts: [expect.objectContaining({ scheme: SCHEME, network: NETWORK, asset: ASSET, amount: "10000", payTo })],
      lastUpdated: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      description: "The official forecast",
      serviceName: "Forecasts",
      tags: ["weather"],
      extensions: { bazaar: expect.objectContaining({ info: { input: { type: "http", method: "GET", queryParams: { days: "3" } } } }) },
      metadata: { proof: "payment" },
    },
  ]);
  expect(JSON.stringify(items)).not.toContain(buyer.people.owner.account);
  expect(JSON.stringify(items)).not.toContain("Basel");
  expect(Math.abs(Date.parse(items[0]?.lastUpdated ?? "") / 1000 - unixNow())).toBeLessThan(300);
});

const HTTP = { info: { input: { type: "http", method: "GET" } } };

test("the official client pages, filters and searches [discovery-official-client]", async () => {
  const word = `w${(await newPayee()).slice(0, 12).toLowerCase()}`;
  const resource = (name: string) => ({ url: `https://shop.example/${name}`, description: `The ${word} of ${name}` });
  const payees = await Promise.all(["a", "b", "c"].map((name) => settle(resource(name), HTTP)));
  const bazaar = officialCatalogue();
  for (const filter of [{ type: "http" }, { scheme: "exact" }, { network: NETWORK }, { extensions: "bazaar" }])
    expect((await bazaar.listResources({ payTo: payees[0] ?? "", ...filter })).items).toHaveLength(1);
  for (const filter of [{ type: "mcp" }, { scheme: "upto" }, { network: "eip155:8453" }, { extensions: "builder-code" }])
    expect((await bazaar.listResources({ payTo: payees[0] ?? "", ...filter })).pagination.total).toBe(0);
  const { total } = (await bazaar.listResources({ limit: 1 })).pagination;
  expect((await bazaar.listResources({ limit: 1000, offset: total - 1 })).items).toHaveLength(1);

  const first = await bazaar.search({ query: `THE ${word.toUpperCase()}`, limit: 2 });
  expect(first).toMatchObject({ x402Version: 2, partialResults: true, pagination: { limit: 2, cursor: expect.any(String) } });
  const rest = await bazaar.search({ query: word, limit: 2, cursor: first.pagination?.cursor ?? "" });
  expect(rest).toMatchObject({ partialResults: false, pagination: { cursor: null } });
  expect([...first.resources, ...rest.resources].map(({ resource }) => resource).toSorted()).toEqual(
    ["a", "b", "c"].map((name) => `https://shop.example/${name}`),
  );
});

test("a query that cannot be read is malformed, and says where", async () => {
  for (const query of [
    "resources?limit=-1",
    "resources?offset=1e3",
    `search?query=${"x".repeat(201)}`,
    "search",
    "search?query=a&cursor=%27",
  ])
    expect(await (await fetch(`${world.stack.facilitator}/discovery/${query}`)).json()).toMatchObject({ error: "invalid_payload" });
});

describe("what is listed", () => {
  test("is no payment that was verified only, none that failed, and none whose seller did not opt in [discovery-settled-only]", async () => {
    const payTo = await settle({ url: "https://shop.example/verified" }, HTTP, "verify");
    const without = await settle({ url: "https://shop.example/quiet" }, { info: null });
    for (const payee of [payTo, without]) expect((await listedFor(payee)).items).toEqual([]);
  });

  test("was fetched by no one: neither its address, its icon, its schema nor its keys [discovery-no-fetch]", async () => {
    const asked: string[] = [];
    const trap = await listen((request) => (asked.push(request.url), new Response("{}")));
    const resource = { url: `${trap}/goods`, iconUrl: `${trap}/icon.png`, description: `${trap}/description` };
    const schema = { $schema: `${trap}/meta`, $id: `${trap}/id`, $ref: `${trap}/schema.json`, pattern: "(a+)+$" };
    const payTo = await settle(resource, { ...HTTP, schema });
    const { items } = await listedFor(payTo);
    expect(items).toMatchObject([{ resource: `${trap}/goods`, extensions: { bazaar: { schema } } }]);
    expect(items[0]).not.toHaveProperty("iconUrl");
    expect(asked).toEqual([]);
  });

  test("under another's address names the payee that was paid, beside the entry of the other [discovery-two-payees]", async () => {
    const address = `https://bank.example/${await newPayee()}`;
    const [bank, thief] = [await settle({ url: address }, HTTP), await settle({ url: address, description: "Send money here" }, HTTP)];
    const { resources } = await officialCatalogue().search({ query: address.toLowerCase() });
    expect(resources.map(({ accepts }) => accepts[0]?.payTo)).toEqual([bank, thief]);
  });
});

test("our merchant's routes are listed as their seller's word once they were sold, over RPC [discovery-our-merchant]", async () => {
  const buyer = await world.buyer();
  const { fetch } = officialClient(buyer.people.owner);
  expect((await fetch(`${world.stack.merchant}/weather?city=Basel`)).status).toBe(200);
  const search = () => officialCatalogue().search({ query: "weather lez", payTo: world.stack.payTo });
  // The listing follows the answer.
  await expect
    .poll(async () => (await search()).resources, { timeout: 30_000 })
    .toMatchObject([
      {
        resource: `${world.stack.merchant}/weather`,
        tags: ["weather"],
        extensions: { bazaar: { info: { input: { method: "GET", queryParams: { city: "Zurich" } } } } },
        metadata: { proof: "seller" },
      },
    ]);
  const found = await box.run(["search", "weather", "LEZ", "--facilitator-url", world.stack.facilitator]);
  expect(found.json.data["found"]).toMatchObject([{ method: "GET", url: `${world.stack.merchant}/weather`, proof: "seller" }]);
  expect(JSON.stringify(await search())).not.toMatch(new RegExp(`Basel|${buyer.people.owner.account}`));
});

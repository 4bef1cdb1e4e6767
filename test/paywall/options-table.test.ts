/** The options that docs/selling.md lists, each as its example stands there. */

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { runInThisContext } from "node:vm";
import { type Handler, Hono } from "hono";
import { beforeEach, expect, test, vi } from "vitest";
import { PAYMENT_IDENTIFIER, withIdentifier } from "../../shared/extensions/payment-identifier.ts";
import { rpcFacilitator } from "../../workers/merchant/paywall/facilitator/rpc.ts";
import {
  type ExemptingOptions,
  type OffersOptions,
  paywall,
  type PaywallEnv,
  type PaywallOptions,
} from "../../workers/merchant/paywall/index.ts";
import { isolateDeliveries } from "../../workers/merchant/paywall/memory/isolate.ts";
import { createNativeWorld, NATIVE } from "./native-world.ts";
import { createWorld, memoryAnswers, PRICE, receiptOf, termsOf, verdict } from "./world.ts";

type Option = keyof PaywallOptions | keyof OffersOptions | keyof ExemptingOptions;

const PAGE = readFileSync(new URL("../../docs/selling.md", import.meta.url), "utf8");
const [, TABLE = ""] = PAGE.split("## All options\n");
const ROWS = [...TABLE.matchAll(/^\| `(\w+)` \| [^|`]*(?:`[A-Z_]+`)?[^|`]* \| `([^`]+)` \|$/gm)].map(([, option = "", example = ""]) => ({
  option,
  example,
}));

let world: Awaited<ReturnType<typeof createWorld>>;
/** What the bindings of the examples were called with. */
const SOLD = vi.fn();
const LOST = vi.fn();
const MEMORY = vi.fn();
beforeEach(async () => {
  world = await createWorld();
  for (const binding of [SOLD, LOST, MEMORY]) binding.mockReset();
  const memory = isolateDeliveries();
  MEMORY.mockReturnValue(memory);
  Object.assign(world.env, { SOLD, LOST, MEMORY });
});

/** A shop with the example's option and, where they say more, others. */
function shopOf(example: string, more: object = {}, handler: () => Response = () => new Response("goods")) {
  const options = runInThisContext(`({ ${example} })`) as Partial<PaywallOptions>;
  const app = new Hono<PaywallEnv>();
  app.all("/item/*", paywall({ ...("offers" in options ? {} : { amount: PRICE }), ...options, ...more } as PaywallOptions), handler);
  return world.around(app);
}
type Shop = ReturnType<typeof shopOf>;
const nativeShop = (example: string) =>
  createNativeWorld().shop(() => new Response("goods"), { ...NATIVE, ...(runInThisContext(`({ ${example} })`) as object) });

const offered = async (shop: Shop, path = "/item/1") => termsOf(await shop.get(path));
const buy = async (shop: Shop) => shop.pay("/item/1", await shop.approved("/item/1"));
const told = () => new Promise((resolve) => setTimeout(resolve));
const stores = () => {
  const object = { ...isolateDeliveries(), ...memoryAnswers(), canOpen: async () => true };
  Object.assign(world.env, { DELIVERIES: { getByName: () => object } });
};
const identified = async (shop: Shop) => {
  const advertised = (await offered(shop))?.extensions?.[PAYMENT_IDENTIFIER] as object;
  return { ...(await shop.approved("/item/1")), extensions: { [PAYMENT_IDENTIFIER]: withIdentifier(advertised, "pay_0123456789abcdef") } };
};

/** What each option does, by its example. */
const CHECKS: Record<Option, (example: string) => Promise<void>> = {
  amount: async (example) => {
    const shop = shopOf(example);
    expect(await offered(shop)).toMatchObject({ accepts: [{ amount: String("/item/1".length) }] });
    expect(receiptOf(await buy(shop))?.amount).toBe(String("/item/1".length));
  },
  payTo: async (example) => {
    const payTo = "11111111111111111111111111111112";
    expect(await offered(shopOf(example))).toMatchObject({ accepts: [{ payTo }] });
    expect(verdict(await buy(shopOf(example)))).toBe("200");
  },
  description: async (example) => expect(await offered(shopOf(example))).toMatchObject({ resource: { description: "The premium report" } }),
  maxTimeoutSeconds: async (example) => expect(await offered(shopOf(example))).toMatchObject({ accepts: [{ maxTimeoutSeconds: 300 }] }),
  flow: async (example) => {
    const seen: bigint[] = [];
    await buy(shopOf(example, {}, () => (seen.push(world.spent()), new Response("goods"))));
    expect(seen).toEqual([BigInt(PRICE)]);
  },
  scheme: async (example) => {
    expect(await offered(shopOf(example))).toMatchObject({ accepts: [{ scheme: "upto", amount: PRICE }] });
    expect(receiptOf(await buy(shopOf(example)))?.amount).toBe(PRICE);
  },
  session: async (example) => {
    const { createClient, createMerchant, ORIGIN } = await import("../sessions/merchant.ts");
    const client = await createClient(
      await createMerchant().isolate(() => new Response("goods"), runInThisContext(`({ ${example} })`) as object),
    );
    expect(verdict(await client.open("1000", ORIGIN))).toBe("200");
  },
  metered: async (example) => {
    const { createClient, createMerchant, ORIGIN } = await import("../sessions/merchant.ts");
    const handler: Handler<PaywallEnv> = (c) => {
      c.get("payment").charge("3");
      return c.body("data: goods\n\n", 200, { "Content-Type": "text/event-stream" });
    };
    const client = await createClient(await createMerchant().isolate(handler, runInThisContext(`({ ${example} })`) as object));
    expect(await (await client.open("1000", ORIGIN)).text()).toMatch(/^data: goods\n\nevent: payment-receipt\ndata: .*"chargedAmount":"3"/);
  },
  unit: async (example) => expect(await offered(shopOf(example))).toMatchObject({ accepts: [{ extra: { unit: "word", unitPrice: "2" } }] }),
  unitPrice: async (example) =>
    expect(await offered(shopOf(example))).toMatchObject({ accepts: [{ extra: { unit: "word", unitPrice: "2" } }] }),
  offers: async (example) => {
    expect(await offered(shopOf(example))).toMatchObject({ accepts: [{ amount: "1" }, { amount: "3" }] });
    expect(receiptOf(await buy(shopOf(example)))?.amount).toBe("1");
  },
  exempt: async (example) => {
    expect((await shopOf(example).get("/item/1", { method: "HEAD" })).status).toBe(200);
    expect(verdict(await shopOf(example).get("/item/1"))).toBe("402 payment_required");
  },
  mimeType: async (example) => expect(await offered(shopOf(example))).toMatchObject({ resource: { mimeType: "application/json" } }),
  discoverable: async (example) => {
    const list = vi.fn(async () => true);
    Object.assign(world.rpc, { list });
    expect(await offered(shopOf(example))).toMatchObject({ resource: { serviceName: "Shop" }, extensions: { bazaar: { info: {} } } });
    await buy(shopOf(example));
    await told();
    expect(list).toHaveBeenCalledTimes(1);
  },
  refund: async (example) => {
    expect(verdict(await shopOf(example).get("/item/1"))).toBe("500 internal_error");
    const finish = vi.fn(async () => undefined);
    const object = { ...isolateDeliveries(), ...memoryAnswers(), canOpen: async () => true, finish };
    Object.assign(world.env, { DELIVERIES: { getByName: () => object }, RECEIPT_KEY: "2a".repeat(32) });
    await buy(shopOf(example, {}, () => new Response("not yet", { status: 503 })));
    const [[, , state] = []] = finish.mock.calls as unknown[][];
    expect(state).toMatchObject({ state: "paid", refund: { payer: world.people.owner.account, amount: PRICE, route: "GET /item/1" } });
  },
  network: async (example) => {
    const shop = nativeShop(example);
    expect((await shop.terms())?.accepts).toMatchObject([{ network: "lez:devnet", extra: { paymentFlow: "upfront", finality: "head" } }]);
    expect(receiptOf(await shop.pay(await shop.signed()))).toMatchObject({ success: true, network: "lez:devnet", amount: PRICE });
  },
  finality: async (example) => expect((await nativeShop(example).terms())?.accepts).toMatchObject([{ extra: { finality: "depth:2" } }]),
  maxFee: async (example) => expect((await nativeShop(example).terms())?.accepts).toMatchObject([{ extra: { maxFee: "50000" } }]),
  statement: async (example) => expect((await nativeShop(example).terms())?.accepts).toMatchObject([{ extra: { statement: "optional" } }]),
  bind: async (example) => {
    const shop = shopOf(example);
    expect(verdict(await shop.pay("/item/1?page=2", await shop.approved("/item/1")))).toBe("200");
  },
  page: async (example) => {
    const shown = await shopOf(example).get("/item/1", { headers: { Accept: "text/html" } });
    expect(await shown.text()).toBe("<h1>Ask your agent</h1>");
  },
  body: async (example) => expect(await (await shopOf(example).get("/item/1")).json()).toMatchObject({ docs: "https://shop.example/docs" }),
  onSettled: async (example) => {
    const paid = await buy(shopOf(example));
    await told();
    expect(SOLD.mock.calls).toEqual([[receiptOf(paid)?.transaction]]);
  },
  onRefused: async (example) => {
    await shopOf(example).pay("/item/1", await shopOf("amount: '5'").approved("/item/1"));
    await told();
    expect(LOST.mock.calls).toEqual([["amount_mismatch", "not_moved"]]);
  },
  identifier: async (example) => {
    stores();
    expect(verdict(await buy(shopOf(example)))).toBe("400 payment_identifier_required");
    expect(verdict(await shopOf(example).pay("/item/1", await identified(shopOf(example))))).toBe("200");
  },
  redeliver: async (example) => {
    stores();
    const shop = shopOf(example, {}, () => new Response("x".repeat(70_000)));
    const payment = await identified(shop);
    for (let time = 0; time < 2; time++) {
      expect(verdict(await shop.pay("/item/1", payment))).toBe("200");
      await told(); // the receipt is stored while the answer leaves
    }
    expect(world.spent()).toBe(BigInt(PRICE));
  },
  delivered: async (example) => {
    const answer = await buy(shopOf(example, {}, () => Response.redirect("https://shop.example/signed", 302)));
    expect([answer.status, receiptOf(answer)?.success, world.spent()]).toEqual([302, true, BigInt(PRICE)]);
  },
  maxUnsettled: async (example) => {
    const refused = { success: false, errorReason: "insufficient_funds", transaction: "", network: "logos:lez-testnet" };
    const supported = await world.rpc.supported("");
    const server = createServer((request, response) => {
      const answer = request.url === "/settle" ? refused : request.url === "/verify" ? { isValid: true } : supported;
      response.setHeader("Content-Type", "application/json").end(JSON.stringify(answer));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      Object.assign(world.env, { FACILITATOR_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
      stores();
      const shop = shopOf(example, { flow: "authorization" });
      expect(verdict(await buy(shop))).toBe("402 insufficient_funds");
      expect(verdict(await buy(shop))).toBe("402 unsettled_runs");
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  },
  refundRequests: async (example) => {
    const { supported } = world.rpc;
    world.rpc.supported = async (traceId) => ({ ...(await supported(traceId)), extensions: ["refund"] });
    expect(await offered(shopOf(example))).toMatchObject({
      extensions: { refund: { info: { refundEndpoint: "https://shop.example/refunds", windowSeconds: 2_592_000, partialRefunds: true } } },
    });
    expect(verdict(await buy(shopOf(example)))).toBe("200");
  },
  extensions: async (example) => expect(await offered(shopOf(example))).toMatchObject({ extensions: { tier: { info: { name: "gold" } } } }),
  facilitator: async (example) => {
    Object.assign(world.env, { FACILITATOR: undefined, MINE: rpcFacilitator(world.rpc) });
    expect(verdict(await buy(shopOf(example)))).toBe("200");
  },
  memory: async (example) => {
    const shop = shopOf(example, { flow: "upfront" }, () => new Response("not yet", { status: 503 }));
    await buy(shop);
    expect(MEMORY).toHaveBeenCalledWith(world.people.owner.account);
  },
};

test("the table has every option, in rows that this test reads [options-table]", () => {
  expect(ROWS.map(({ option }) => option).toSorted()).toEqual(Object.keys(CHECKS).toSorted());
});

test.each(ROWS)("$option, as in its example: $example", async ({ option, example }) => {
  expect(example).toMatch(new RegExp(`^${option}: `));
  await CHECKS[option as Option](example);
});

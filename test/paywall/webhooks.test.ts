/** What a paywall hands to the queue of webhooks, and that no answer waits for it. */

import { readFileSync } from "node:fs";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { utf8 } from "../../shared/crypto/bytes.ts";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import { PAYMENT_IDENTIFIER, withIdentifier } from "../../shared/extensions/payment-identifier.ts";
import { ASSET, NETWORK } from "../../shared/lez.ts";
import { MAX_ROUTE_LENGTH, WEBHOOK_HANDOVERS } from "../../shared/limits.ts";
import { unixNow } from "../../shared/time.ts";
import { type WebhookEvent, webhookEventSchema, webhookId } from "../../shared/webhooks/event.ts";
import { webhookKeys, webhookSignature } from "../../shared/webhooks/signature.ts";
import { isolateDeliveries } from "../../workers/merchant/paywall/memory/isolate.ts";
import type { QueueResult } from "../../workers/merchant/paywall/webhooks/queue.ts";
import { app, books } from "../webhooks/documented-receiver.ts";
import { createWorld, memoryAnswers, PRICE, receiptOf, verdict } from "./world.ts";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
let world: Awaited<ReturnType<typeof createWorld>>;
const enqueue = vi.fn<(event: WebhookEvent) => Promise<QueueResult>>();
const WEBHOOKS = { getByName: () => ({ enqueue }) };

beforeEach(async () => {
  world = await createWorld();
  enqueue.mockReset().mockResolvedValue("queued");
  Object.assign(world.env, { WEBHOOKS, WEBHOOK_SECRET: SECRET, WEBHOOK_URL: "https://books.example.com/hooks" });
});

const queued = () => enqueue.mock.calls.map(([event]) => event);

test.each(["authorization", "upfront"] as const)(
  "flow %s: a settlement is told with all that a seller books [webhook-settled]",
  async (flow) => {
    const memory = { ...isolateDeliveries(), ...memoryAnswers(), canOpen: async () => true };
    Object.assign(world.env, { DELIVERIES: { getByName: () => memory } });
    const shop = world.shop((c) => c.text("goods"), { flow });
    const payment = await shop.approved("/item/1?city=Zurich");
    const id = "pay_0123456789abcdef";
    payment.extensions = { [PAYMENT_IDENTIFIER]: withIdentifier({ info: { required: false } }, id) };
    const paid = await shop.pay("/item/1?city=Zurich", payment);
    const { transaction } = receiptOf(paid) ?? {};
    expect(queued()).toEqual([
      {
        type: "payment.settled",
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
        data: {
          transaction,
          payer: world.people.owner.account,
          payee: DEMO_MERCHANT_ACCOUNT,
          amount: PRICE,
          asset: ASSET,
          network: NETWORK,
          ledger: world.ledger.info().ledger,
          route: "GET /item/1",
          paymentId: id,
          traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
        },
      },
    ]);
    expect(webhookEventSchema.safeParse?.(queued()[0]).success).toBe(true);
    await shop.pay("/item/1?city=Zurich", payment);
    expect(queued()).toHaveLength(1);
  },
);

describe("goods that are owed are told as payment.undelivered [webhook-undelivered]", () => {
  const upfront = { flow: "upfront" } as const;
  test.each([
    ["fails", () => new Response("not yet", { status: 503 })],
    [
      "throws",
      () => {
        throw new Error("broken");
      },
    ],
    [
      "throws what is no error",
      () => {
        throw "broken" as unknown as Error; // oxlint-disable-line no-throw-literal
      },
    ],
  ])("when the handler %s, and once while it waits", async (_what, handler) => {
    const shop = world.shop(handler, upfront);
    const payment = await shop.approved("/item/1");
    const answer = await shop.pay("/item/1", payment).catch(() => undefined);
    expect(queued().map(({ type }) => type)).toEqual(["payment.settled", "payment.undelivered"]);
    const [settled, owed] = queued();
    expect(owed?.data).toEqual(settled?.data);
    if (answer) expect(answer.status).toBeGreaterThan(499);
  });

  test("and not where nothing was paid", async () => {
    const shop = world.shop(() => new Response("not yet", { status: 503 }));
    await shop.pay("/item/1", await shop.approved("/item/1"));
    expect(queued()).toEqual([]);
  });
});

test("a path that a buyer made long is cut", async () => {
  const shop = world.shop((c) => c.text("goods"));
  const path = `/item/${"x".repeat(600)}`;
  await shop.pay(path, await shop.approved(path));
  expect(queued()[0]?.data["route"]).toHaveLength(MAX_ROUTE_LENGTH);
});

test("no answer waits for the queue, fails with it, or is lost with it [webhook-never-in-the-way]", async () => {
  enqueue.mockReturnValue(new Promise(() => {}));
  const shop = world.shop((c) => c.text("goods"));
  expect(verdict(await shop.pay("/item/1", await shop.approved("/item/1")))).toBe("200");

  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  const refused = () => log.mock.calls.map(String).filter((line) => line.includes('"webhook.refused"'));
  enqueue.mockReset().mockRejectedValue(new Error("the object broke"));
  const paid = await shop.pay("/item/2", await shop.approved("/item/2"));
  expect(verdict(paid)).toBe("200");
  await vi.waitFor(() => expect(refused()).toHaveLength(1));
  expect(enqueue).toHaveBeenCalledTimes(WEBHOOK_HANDOVERS);

  enqueue.mockReset().mockResolvedValue("full");
  await shop.pay("/item/3", await shop.approved("/item/3"));
  await vi.waitFor(() => expect(refused()).toHaveLength(2));
  expect(enqueue).toHaveBeenCalledTimes(1);
  expect(refused()[0]).toContain(receiptOf(paid)?.transaction);
  log.mockRestore();
});

test("the receiver of docs/selling.md is what the page shows, and books a message once [webhook-documented]", async () => {
  const [page = "", file = ""] = ["docs/selling.md", "test/webhooks/documented-receiver.ts"].map((name) => readFileSync(name, "utf8"));
  const [, shown = "none"] = /import \{ verifyWebhook \}.*\n\n([^`]*)```/.exec(page) ?? [];
  expect(file).toContain(shown);

  const shop = world.shop((c) => c.text("goods"));
  await shop.pay("/item/1", await shop.approved("/item/1"));
  const [event] = queued() as [WebhookEvent];
  const [id, timestamp, body] = [webhookId(event), String(unixNow()), JSON.stringify(event)];
  const [key = new Uint8Array()] = webhookKeys(SECRET);
  const signature = webhookSignature(key, { id, timestamp, body: utf8(body) });
  const headers = { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature };
  const send = (text: string) => app.request("/webhooks", { method: "POST", headers, body: text }, { WEBHOOK_SECRET: SECRET });
  expect([(await send(body)).status, (await send(body)).status, (await send(`${body} `)).status]).toEqual([204, 204, 400]);
  expect([...books]).toEqual([[id, event]]);
});

test("without WEBHOOK_URL nothing is told", async () => {
  Object.assign(world.env, { WEBHOOK_URL: "" });
  const shop = world.shop((c) => c.text("goods"));
  await shop.pay("/item/1", await shop.approved("/item/1"));
  expect(queued()).toEqual([]);
});

test("a shop whose webhooks cannot be sent sells nothing, and its log says why", async () => {
  Object.assign(world.env, { WEBHOOK_SECRET: "whsec_short" });
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  const answer = await world.shop((c) => c.text("goods")).get("/item/1");
  const [line] = log.mock.calls.map(([each]) => JSON.parse(String(each)) as Record<string, unknown>);
  log.mockRestore();
  expect(verdict(answer)).toBe("500 internal_error");
  expect(line).toMatchObject({ event: "paywall.misconfigured", message: expect.stringMatching(/^WEBHOOK_SECRET must be whsec_/) });
});

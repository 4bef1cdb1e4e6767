/** What a seller is told of the claims of its sessions: by webhook, and in the register of sales. */

import { beforeEach, expect, test, vi } from "vitest";
import { verdict } from "../../agent-cli/demo/buyer.ts";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import { UNREPORTED_MILLIS } from "../../shared/limits.ts";
import { type WebhookEvent, webhookEventSchema, webhookId } from "../../shared/webhooks/event.ts";
import { isolateDeliveries } from "../../workers/merchant/paywall/memory/isolate.ts";
import type { RecordedSale } from "../../workers/merchant/paywall/memory/sales-register.ts";
import { memoryAnswers } from "../paywall/world.ts";
import { createClient, createMerchant, LEDGER, ORIGIN } from "./merchant.ts";

let merchant: ReturnType<typeof createMerchant>;
const events: WebhookEvent[] = [];
const sales: { sale: RecordedSale; name: string }[] = [];
let registerFails = 0;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"], shouldAdvanceTime: true });
  vi.spyOn(console, "log").mockImplementation(() => undefined);
  merchant = createMerchant();
  events.length = 0;
  sales.length = 0;
  registerFails = 0;
  const object = (name: string) => ({
    ...isolateDeliveries(),
    ...memoryAnswers(),
    canOpen: async () => true,
    recordSales: async (list: RecordedSale[]) => {
      if (registerFails-- > 0) throw new Error("the object is gone");
      sales.push(...list.map((sale) => ({ sale, name })));
      return true;
    },
  });
  const WEBHOOKS = { getByName: () => ({ enqueue: async (event: WebhookEvent) => (events.push(event), "queued") }) };
  const webhooks = { WEBHOOKS, WEBHOOK_URL: "https://seller.example/hooks", WEBHOOK_SECRET: `whsec_${btoa("0".repeat(32))}` };
  Object.assign(merchant.env, { DELIVERIES: { getByName: object }, ...webhooks });
});

/** A session in which so many calls were reported. */
async function opened(calls: number) {
  const client = await createClient(await merchant.isolate((c) => c.text("goods")));
  expect(verdict(await client.open("1000", ORIGIN))).toBe("200");
  for (let call = 1; call < calls; call++) await client.pay();
  await vi.advanceTimersByTimeAsync(UNREPORTED_MILLIS + 100);
  return client;
}

test("each claim that pays is told once, with what it moved and its session, and no call is [claim-told]", async () => {
  const client = await opened(5);
  expect(events).toEqual([]);
  await merchant.ring(client.id);
  await client.pay();
  await vi.advanceTimersByTimeAsync(UNREPORTED_MILLIS + 100);
  await merchant.ring(client.id);
  await client.close();
  await vi.advanceTimersByTimeAsync(100);
  expect(events.map(({ type, data: { amount } }) => `${type} ${amount}`)).toEqual(["session.claimed 50", "session.claimed 10"]);
  const [event] = events;
  expect(webhookEventSchema.safeParse(event).success).toBe(true);
  const { from: payer } = client.session ?? {};
  expect(event?.data).toMatchObject({ payer, payee: DEMO_MERCHANT_ACCOUNT, ledger: LEDGER, session: client.id });
  expect(new Set(events.map(webhookId)).size).toBe(2);
  expect(merchant.ledger.claimed(client.id)).toBe(60n);
});

test("the register has a row for each, which add up to what the ledger paid [claim-recorded]", async () => {
  const client = await opened(5);
  registerFails = 1;
  await merchant.ring(client.id);
  await vi.advanceTimersByTimeAsync(100);
  expect(sales).toMatchObject([
    {
      name: expect.stringMatching(new RegExp(`^sales/${DEMO_MERCHANT_ACCOUNT}/`)),
      sale: { route: "sessions", amount: "50", status: "delivered" },
    },
  ]);
  expect(sales[0]?.sale.transaction).toBe(events[0]?.data.transaction);
});

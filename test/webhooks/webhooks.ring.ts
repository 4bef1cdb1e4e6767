/**
 * `npm run webhooks`: a merchant's webhooks over raw workerd on disk, to a real server that hangs, redirects, lies and breaks, while workerd
 * is killed. Every message arrives, verified by the official library and by ours.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Webhook } from "standardwebhooks";
import { afterAll, expect, test } from "vitest";
import { Buyer, receiptOf } from "../../agent-cli/demo/buyer.ts";
import { startStack } from "../../agent-cli/demo/stack.ts";
import { sandbox } from "../../agent-cli/testing/cli.ts";
import { served } from "../../agent-cli/testing/served.ts";
import { BUNDLES, bundleScript } from "../../scripts/build-workers.ts";
import { Workerd } from "../../scripts/workerd.ts";
import { utf8 } from "../../shared/crypto/bytes.ts";
import { bodyDigest } from "../../shared/crypto/digest.ts";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import { WEBHOOKS_AT_ONCE } from "../../shared/limits.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import { type WebhookEvent, webhookId } from "../../shared/webhooks/event.ts";
import { verifyWebhook } from "../../shared/webhooks/index.ts";
import { NO_LIMITS } from "../stack/stack.ts";
import { type Behaviour, Receiver } from "./receiver.ts";

const EVENTS = Number(process.env["WEBHOOK_EVENTS"] ?? 1000);
const KILLS = 3;
const [SECRET, FORMER] = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"];
const KEY = "the-shops-key";

const directory = await mkdtemp(join(tmpdir(), "lez-webhooks-"));
const script = await bundleScript(fileURLToPath(new URL("workers/door.ts", import.meta.url)));
const box = sandbox();
box.write("shop.key", KEY, 0o600);
const ends: (() => unknown)[] = [];
afterAll(async () => {
  for (const end of ends) await end();
  await rm(directory, { recursive: true, force: true });
});

async function receiverOf(secrets: readonly string[] = [SECRET], options = {}): Promise<Receiver> {
  const receiver = await Receiver.open(secrets, options);
  ends.push(() => receiver.close());
  return receiver;
}

/** A merchant of its own that sends to this receiver. */
async function merchantFor({ url }: Receiver, secret: string = SECRET) {
  const bindings = { WEBHOOK_URL: url, WEBHOOK_SECRET: secret, WEBHOOK_LOOPBACK: "on", OPERATOR_KEY_SHA256: bodyDigest(utf8(KEY)) };
  const options = { compatibilityDate: "2026-10-23", bindings, durableObjects: { WEBHOOKS: { className: "Webhooks" } } };
  const workerd = await Workerd.create(await mkdtemp(join(directory, "merchant-")), [{ name: "merchant", script, options }], ["merchant"]);
  ends.push(() => workerd.kill());
  await workerd.start();
  const origin = workerd.origin("merchant");
  served(origin);
  return {
    workerd,
    queue: async (events: readonly WebhookEvent[]) => {
      const { status } = await fetch(`${origin}/events`, { method: "POST", body: JSON.stringify(events) });
      expect(status).toBe(204);
    },
    webhooks: async (...words: string[]) => {
      const ran = await box.run(["webhooks", ...words, "--merchant-url", origin, "--operator-key-file", "./shop.key"]);
      expect(ran.json, ran.stdout).toMatchObject({ ok: true });
      return ran.json.data;
    },
  };
}

let made = 0;
function newEvents(count: number): WebhookEvent[] {
  return Array.from({ length: count }, (): WebhookEvent => {
    const payment = {
      payer: DEMO_MERCHANT_ACCOUNT,
      payee: DEMO_MERCHANT_ACCOUNT,
      amount: "10000",
      asset: "native",
      network: "logos:lez-testnet",
    };
    const data = { transaction: bodyDigest(utf8(String(made++))), ...payment };
    return { type: "payment.settled", timestamp: formatTimestamp(unixNow()), data };
  });
}

const WAIT = { timeout: 120_000, interval: 50 };

test(`${EVENTS} messages to a server that takes them arrive once each, in their order`, async () => {
  const receiver = await receiverOf();
  const { queue, webhooks } = await merchantFor(receiver);
  const events = newEvents(EVENTS);
  await queue(events);
  await expect.poll(() => receiver.arrivals.length, WAIT).toBe(EVENTS);
  expect(await webhooks("list")).toMatchObject({ waiting: 0, undelivered: 0, refused: 0 });
  expect(new Set(receiver.ids)).toEqual(new Set(events.map(webhookId)));
  const order = new Map(receiver.ids.map((id, place) => [id, place]));
  const displaced = events.map((event, place) => Math.abs(place - (order.get(webhookId(event)) ?? Infinity)));
  expect(Math.max(...displaced)).toBeLessThan(2 * WEBHOOKS_AT_ONCE);
  expect([receiver.problems, receiver.arrivals.length]).toEqual([[], EVENTS]);
});

test(`of ${EVENTS} messages none is lost while workerd is killed ${KILLS} times [webhooks-killed]`, async () => {
  const receiver = await receiverOf();
  const { workerd, queue, webhooks } = await merchantFor(receiver);
  const events = newEvents(EVENTS);
  await queue(events);
  for (let kill = 1; kill <= KILLS; kill++) {
    await expect.poll(() => receiver.arrivals.length, WAIT).toBeGreaterThan((kill * EVENTS) / (KILLS + 2));
    await workerd.kill();
    await workerd.start();
  }
  await expect.poll(() => new Set(receiver.ids).size, WAIT).toBe(EVENTS);
  await expect.poll(() => webhooks("list"), WAIT).toMatchObject({ waiting: 0, undelivered: 0 });
  expect(new Set(receiver.ids)).toEqual(new Set(events.map(webhookId)));
  // A message is sent again only where its answer died with workerd.
  expect(receiver.arrivals.length - EVENTS).toBeLessThanOrEqual(KILLS * WEBHOOKS_AT_ONCE);
  expect(receiver.problems).toEqual([]);
});

test("a message that workerd died over between two tries, and in the middle of one, arrives under its id", async () => {
  const receiver = await receiverOf();
  const { workerd, queue } = await merchantFor(receiver);
  const [first, second] = newEvents(2) as [WebhookEvent, WebhookEvent];
  receiver.behave = (id, time) => (time > 1 ? "takes" : id === webhookId(first) ? "fails" : "hangs");
  for (const event of [first, second]) {
    const before = receiver.arrivals.length;
    await queue([event]);
    await expect.poll(() => receiver.arrivals.length, WAIT).toBe(before + 1);
    await workerd.kill();
    await workerd.start();
    await expect.poll(() => receiver.ids.filter((id) => id === webhookId(event)).length, WAIT).toBe(2);
  }
});

test("whatever the server does with a first try, the second is made, and nothing follows it elsewhere [webhooks-hostile]", async () => {
  const receiver = await receiverOf();
  const { queue, webhooks } = await merchantFor(receiver);
  const first: Behaviour[] = ["fails", "hangs", "redirects", "closes", "never ends", "takes and complains"];
  const events = newEvents(first.length);
  const behaviours = new Map(events.map((event, i) => [webhookId(event), first[i] ?? "takes"]));
  receiver.behave = (id, time) => (time === 1 ? (behaviours.get(id) ?? "takes") : "takes");
  await queue(events);
  await expect.poll(() => webhooks("list"), WAIT).toMatchObject({ waiting: 0, undelivered: 0 });
  for (const [id, behaviour] of behaviours) {
    expect([behaviour, receiver.ids.filter((each) => each === id).length]).toEqual([
      behaviour,
      behaviour === "takes and complains" ? 1 : 2,
    ]);
  }
  expect(receiver.problems).toEqual([]);
  // Buffers on the way, and no more.
  expect(receiver.written).toBeLessThan(16 * 1024 * 1024);
});

test("both secrets sign while one replaces the other, and a server may have either", async () => {
  const receiver = await receiverOf([SECRET, FORMER]);
  const { queue } = await merchantFor(receiver, `${SECRET} ${FORMER}`);
  await queue(newEvents(1));
  await expect.poll(() => receiver.arrivals.length, WAIT).toBe(1);
  expect(receiver.problems).toEqual([]);
});

test("a command sends what waits at once", async () => {
  const receiver = await receiverOf();
  const { queue, webhooks } = await merchantFor(receiver);
  const [event] = newEvents(1) as [WebhookEvent];
  receiver.behave = (_id, time) => (time < 3 ? "fails" : "takes");
  await queue([event]);
  await expect
    .poll(() => webhooks("list"), WAIT)
    .toMatchObject({ oldest: [{ id: webhookId(event), tries: 2, problem: "it answered 500" }] });
  expect(await webhooks("retry", "--id", webhookId(event))).toEqual({ sent: 1 });
  await expect.poll(() => receiver.arrivals.length, WAIT).toBe(3);
  await expect.poll(() => webhooks("list"), WAIT).toMatchObject({ waiting: 0 });
});

test("a purchase from the deployed shop: a certificate that is not good takes nothing, and another address gets the message [webhooks-stack]", async () => {
  const bad = await receiverOf([SECRET], { tls: true });
  const good = await receiverOf();
  const persist = await mkdtemp(join(directory, "stack-"));
  const shop = ({ url }: Receiver) => {
    const settings = { WEBHOOK_URL: url, WEBHOOK_SECRET: SECRET, WEBHOOK_LOOPBACK: "on", OPERATOR_KEY_SHA256: bodyDigest(utf8(KEY)) };
    return startStack({ bundles: BUNDLES, persist, vars: { "lez-merchant": settings }, limits: NO_LIMITS, onLog: () => undefined });
  };
  const list = async (merchant: string) => {
    served(merchant);
    return (await box.run(["webhooks", "list", "--merchant-url", merchant, "--operator-key-file", "./shop.key"])).json.data;
  };

  const first = await shop(bad);
  const buyer = await Buyer.create(first);
  await buyer.fund();
  const premium = { url: `${first.merchant}/premium` };
  const paid = await buyer.send(premium, await buyer.approved(premium));
  const { transaction } = receiptOf(paid) ?? {};
  await expect
    .poll(() => list(first.merchant), WAIT)
    .toMatchObject({ waiting: 1, oldest: [{ transaction, tries: 1, problem: expect.any(String) }] });
  await first.stop();
  expect(bad.arrivals).toEqual([]);

  const second = await shop(good);
  ends.push(() => second.stop());
  await expect.poll(() => good.arrivals.length, WAIT).toBe(1);
  expect(good.arrivals[0]?.event).toMatchObject({
    type: "payment.settled",
    data: {
      transaction,
      payer: buyer.people.owner.account,
      payee: second.payTo,
      amount: "10000",
      ledger: second.ledger,
      route: "GET /premium",
    },
  });
  await expect.poll(() => list(second.merchant), WAIT).toMatchObject({ waiting: 0, undelivered: 0 });
  expect(good.problems).toEqual([]);
});

test("what the official library signs, ours verifies", () => {
  const [event] = newEvents(1) as [WebhookEvent];
  const [id, body] = [webhookId(event), JSON.stringify(event)];
  const signature = new Webhook(SECRET).sign(id, new Date(), body);
  const headers = { "webhook-id": id, "webhook-timestamp": String(unixNow()), "webhook-signature": signature };
  expect(verifyWebhook(body, headers, SECRET)).toEqual({ ok: true, id, event });
});

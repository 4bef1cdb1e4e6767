/** The queue of webhooks: what it sends, how often, and what it keeps. The receiver is a function in place of `fetch`. */

import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  MAX_ALARM_GAP_SECONDS,
  MAX_WEBHOOKS,
  SWEEP_INTERVAL_SECONDS,
  WEBHOOK_KEPT_SECONDS,
  WEBHOOK_PAUSES_SECONDS,
  WEBHOOKS_LISTED,
} from "../../shared/limits.ts";
import { type WebhookEvent, webhookId } from "../../shared/webhooks/event.ts";
import { verifyWebhook } from "../../shared/webhooks/verify.ts";
import type { Webhooks } from "../../workers/merchant/paywall/webhooks/webhooks.ts";
import { NOW, setTime } from "./ledger.ts";

const URL = "https://books.example.com/hooks?token=t0ken";
const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const DAY = 24 * 3600;
const ACCOUNT = "6eWyGpH153eS9V4aFjAqDEFuUAjVCbk1sGcSHcMx4oKj";

const { WEBHOOKS } = env as unknown as { WEBHOOKS: DurableObjectNamespace<Webhooks> };
type Stub = DurableObjectStub<Webhooks>;

const logged = vi.spyOn(console, "log").mockImplementation(() => {});
const lines = (event: string) =>
  logged.mock.calls.map(([line]) => JSON.parse(String(line)) as Record<string, unknown>).filter((line) => line["event"] === event);
const receiver = vi.fn<(url: URL, init: RequestInit) => Promise<Response>>();

beforeEach(() => {
  setTime(NOW);
  receiver.mockReset().mockImplementation(async () => new Response(null, { status: 204 }));
  vi.stubGlobal("fetch", receiver);
});
afterEach(() => logged.mockClear());
afterAll(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
  logged.mockRestore();
});

/** Another object's, and what it is configured with. */
async function newQueue(settings: Record<string, string> = {}): Promise<Stub> {
  const stub = WEBHOOKS.getByName(crypto.randomUUID());
  await configure(stub, settings);
  return stub;
}

/** Variables are those of a deployment: a restart reads them again. */
const configure = (stub: Stub, settings: Record<string, string> = {}) =>
  runInDurableObject(stub, (object) => {
    Reflect.set(object, "env", { WEBHOOKS, WEBHOOK_URL: URL, WEBHOOK_SECRET: SECRET, ...settings });
  });

async function restart(stub: Stub, settings: Record<string, string> = {}): Promise<void> {
  await evictDurableObject(stub);
  await configure(stub, settings);
}

function event(transaction: string, type: "payment.settled" | "payment.undelivered" = "payment.settled"): WebhookEvent {
  const money = { payer: ACCOUNT, payee: ACCOUNT, amount: "10000", asset: "native", network: "logos:lez-testnet" };
  return { type, timestamp: "2026-11-01T12:00:00Z", data: { transaction, ...money } } as WebhookEvent;
}

const answering =
  (status: number, body: BodyInit | null = null) =>
  async () =>
    new Response(body, { status });
const alarmOf = (stub: Stub) => runInDurableObject(stub, async (_, { storage }) => ((await storage.getAlarm()) ?? Number.NaN) / 1000);

async function ringAt(stub: Stub, at: number): Promise<void> {
  setTime(at);
  await runDurableObjectAlarm(stub);
}

/** Rings at each time the alarm is set for, until then. @returns the times at which the receiver was called */
async function run(stub: Stub, seconds: number): Promise<number[]> {
  const tries: number[] = [];
  for (let at = await alarmOf(stub); at <= NOW + seconds; at = await alarmOf(stub)) {
    const before = receiver.mock.calls.length;
    await ringAt(stub, at);
    for (let call = before; call < receiver.mock.calls.length; call++) tries.push(at - NOW);
  }
  return tries;
}

const sentIds = () => receiver.mock.calls.map(([, { headers }]) => (headers as Record<string, string>)["webhook-id"]);

test("a message is signed, sent once, and forgotten; the object deletes itself an hour later [webhook-sent]", async () => {
  const stub = await newQueue();
  expect(await stub.enqueue(event("a"))).toBe("queued");
  expect(await alarmOf(stub)).toBe(NOW);
  await ringAt(stub, NOW + 1);

  const [url, init] = receiver.mock.lastCall ?? [];
  const { method, headers, body, redirect } = init ?? {};
  expect([String(url), method, redirect]).toEqual([URL, "POST", "manual"]);
  const verified = verifyWebhook(body as Uint8Array, headers as Record<string, string>, SECRET, { now: NOW + 1 });
  expect(verified).toEqual({ ok: true, id: webhookId(event("a")), event: event("a") });
  expect(await stub.list()).toEqual({ waiting: 0, undelivered: 0, refused: 0, gone: false, oldest: [] });

  expect(await alarmOf(stub)).toBe(NOW + 1 + SWEEP_INTERVAL_SECONDS);
  await ringAt(stub, NOW + 1 + SWEEP_INTERVAL_SECONDS);
  const tables = await runInDurableObject(stub, (_, { storage: { sql } }) =>
    sql.exec("SELECT name FROM sqlite_master WHERE name IN ('message', 'schema_version')").toArray(),
  );
  expect([tables, await alarmOf(stub), receiver.mock.calls.length]).toEqual([[], Number.NaN, 1]);
});

test("one event is one message, however often it is told while it waits [webhook-once]", async () => {
  const stub = await newQueue();
  for (const expected of ["queued", "known"]) expect(await stub.enqueue(event("a"))).toBe(expected);
  expect(await stub.enqueue(event("a", "payment.undelivered"))).toBe("queued");
  await ringAt(stub, NOW);
  expect(receiver).toHaveBeenCalledTimes(2);
});

test("a receiver that fails gets 8 tries in 24 hours; then the message is listed, and a command sends it [webhook-eight-tries]", async () => {
  const stub = await newQueue();
  receiver.mockImplementation(answering(500));
  await stub.enqueue(event("a"));
  const due = WEBHOOK_PAUSES_SECONDS.reduce<number[]>((times, pause) => [...times, (times.at(-1) ?? 0) + pause], [0]);
  expect(due).toHaveLength(8);
  expect(due.at(-1)).toBeLessThanOrEqual(DAY);
  expect(await run(stub, 5 * DAY)).toEqual(due);
  expect(await stub.list()).toMatchObject({
    waiting: 0,
    undelivered: 1,
    oldest: [{ transaction: "a", type: "payment.settled", tries: 8, state: "undelivered", problem: "it answered 500" }],
  });
  expect(lines("webhook.undelivered")).toMatchObject([{ transaction: "a", tries: 8 }]);
  expect(JSON.stringify(lines("webhook.undelivered"))).not.toContain("t0ken");

  receiver.mockImplementation(answering(200));
  expect([await stub.retry("msg_of_another"), await stub.retry(webhookId(event("a")))]).toEqual([0, 1]);
  await runDurableObjectAlarm(stub);
  expect(await stub.list()).toMatchObject({ waiting: 0, undelivered: 0 });
});

test("each try is signed anew, by both secrets while one replaces the other", async () => {
  const stub = await newQueue();
  receiver.mockImplementation(answering(500));
  await stub.enqueue(event("a"));
  await ringAt(stub, NOW);
  await restart(stub, { WEBHOOK_SECRET: `${OTHER} ${SECRET}` });
  await ringAt(stub, NOW + 5);
  const [first, second] = receiver.mock.calls.map(([, { headers }]) => headers as Record<string, string>);
  expect([first?.["webhook-timestamp"], second?.["webhook-timestamp"]]).toEqual([String(NOW), String(NOW + 5)]);
  const body = JSON.stringify(event("a"));
  for (const secret of [SECRET, OTHER]) expect(verifyWebhook(body, second ?? {}, secret, { now: NOW + 5 })).toMatchObject({ ok: true });
});

test.each<[what: string, answer: () => Promise<Response>, problem: string]>([
  ["redirects", answering(302), "it answered 302"],
  ["says that it is not there", answering(404, "not here"), "it answered 404"],
  ["asks for less", answering(429), "it answered 429"],
  ["closes the connection", async () => Promise.reject(new Error("Network connection lost.")), "Error: Network connection lost."],
  ["is not there", () => Promise.reject(new Error("connection refused")), "Error: connection refused"],
])("a receiver that %s has not taken the message, and the list says why", async (_what, answer, problem) => {
  const stub = await newQueue();
  receiver.mockImplementation(answer);
  await stub.enqueue(event("a"));
  await ringAt(stub, NOW);
  expect(await stub.list()).toMatchObject({ waiting: 1, oldest: [{ state: "waiting", tries: 1, problem }] });
});

test("a 2xx counts whatever its body says, and the body is not read", async () => {
  const stub = await newQueue();
  const cancelled = vi.fn();
  const endless = () => new ReadableStream({ pull: (to) => to.enqueue(new Uint8Array(65536)), cancel: cancelled }, { highWaterMark: 0 });
  receiver.mockImplementation(async () => new Response(endless()));
  await stub.enqueue(event("a"));
  await ringAt(stub, NOW);
  expect(cancelled).toHaveBeenCalledOnce();
  expect(await stub.list()).toMatchObject({ waiting: 0, undelivered: 0 });
});

test("410 stops all messages to that address, until it changes or a command says so [webhook-gone]", async () => {
  const stub = await newQueue();
  receiver.mockImplementation(answering(410));
  await stub.enqueue(event("a"));
  await ringAt(stub, NOW);
  await stub.enqueue(event("b"));
  await run(stub, 2 * SWEEP_INTERVAL_SECONDS);
  expect([receiver.mock.calls.length, await stub.list()]).toMatchObject([1, { waiting: 2, gone: true }]);
  expect(lines("webhook.gone")).toHaveLength(1);

  receiver.mockImplementation(answering(200));
  await restart(stub, { WEBHOOK_URL: "https://new.example.com/" });
  await run(stub, 3 * SWEEP_INTERVAL_SECONDS);
  expect([sentIds().slice(1), await stub.list()]).toMatchObject([[webhookId(event("a")), webhookId(event("b"))], { waiting: 0 }]);

  setTime(NOW);
  const other = await newQueue();
  receiver.mockImplementation(answering(410));
  await other.enqueue(event("c"));
  await ringAt(other, NOW);
  expect(await other.list()).toMatchObject({ waiting: 1, gone: true });
  receiver.mockReset().mockImplementation(answering(200));
  expect(await other.retry()).toBe(1);
  await runDurableObjectAlarm(other);
  expect(receiver).toHaveBeenCalledOnce();
});

test("a full queue refuses the newest, and counts them until a command sends the rest [webhook-full]", async () => {
  const stub = await newQueue();
  await stub.enqueue(event("first"));
  await runInDurableObject(stub, (_, { storage: { sql } }) => {
    const numbers = "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < ?)";
    const rows = `${numbers} INSERT INTO message SELECT i, 'msg_' || i, (SELECT body FROM message WHERE seq = 1), ?, 8, NULL, 'x' FROM n`;
    sql.exec(rows, MAX_WEBHOOKS - 1, NOW);
  });
  expect(await stub.enqueue(event("last"))).toBe("queued");
  expect([await stub.enqueue(event("more")), await stub.enqueue(event("even more")), await stub.enqueue(event("last"))]).toEqual([
    "full",
    "full",
    "known",
  ]);
  const list = await stub.list();
  expect([list.waiting + list.undelivered, list.refused, list.oldest.length]).toEqual([MAX_WEBHOOKS, 2, WEBHOOKS_LISTED]);
  expect(await stub.retry()).toBe(MAX_WEBHOOKS);
  expect((await stub.list()).refused).toBe(0);
});

test("a hundred messages leave in the order in which they came, over several alarms", async () => {
  const stub = await newQueue();
  const events = Array.from({ length: 100 }, (_, i) => event(String(i)));
  for (const each of events) await stub.enqueue(each);
  await run(stub, 60);
  expect(sentIds()).toEqual(events.map(webhookId));
});

describe("an object that dies", () => {
  test("while it sends has counted the try, and rings again", async () => {
    const stub = await newQueue();
    await stub.enqueue(event("a"));
    const storage = await runInDurableObject(stub, (_, { storage }) => storage);
    const seen: unknown[] = [];
    receiver.mockImplementation(async () => {
      seen.push(storage.sql.exec("SELECT tries FROM message").one(), await storage.getAlarm());
      return new Response(null, { status: 500 });
    });
    await ringAt(stub, NOW);
    expect(seen).toEqual([{ tries: 1 }, (NOW + 5) * 1000]);
  });

  test("between two tries goes on with the next", async () => {
    const stub = await newQueue();
    receiver.mockImplementation(answering(500));
    await stub.enqueue(event("a"));
    await ringAt(stub, NOW);
    await restart(stub);
    receiver.mockImplementation(answering(200));
    await ringAt(stub, NOW + 5);
    expect([receiver.mock.calls.length, await stub.list()]).toMatchObject([2, { waiting: 0 }]);
  });
});

describe("without what it needs to send", () => {
  test.each([
    ["an address", { WEBHOOK_URL: "" }],
    ["a public address", { WEBHOOK_URL: "https://10.0.0.1/" }],
    ["a secret", { WEBHOOK_SECRET: "whsec_short" }],
  ])("as %s, the queue keeps its messages and their tries", async (_what, settings) => {
    const stub = await newQueue(settings);
    await stub.enqueue(event("a"));
    await run(stub, 2 * SWEEP_INTERVAL_SECONDS);
    expect([receiver.mock.calls.length, await stub.list()]).toMatchObject([0, { waiting: 1, oldest: [{ tries: 0 }] }]);
    await configure(stub);
    await run(stub, 3 * SWEEP_INTERVAL_SECONDS);
    expect(receiver).toHaveBeenCalledOnce();
  });
});

describe("a clock that is a year ahead", () => {
  const YEAR = 365 * DAY;
  test("ends nothing at one alarm, and once it is right the message goes on [webhook-clock-jump]", async () => {
    const stub = await newQueue();
    receiver.mockImplementation(answering(500));
    await stub.enqueue(event("a"));
    await ringAt(stub, NOW + YEAR);
    expect(await stub.list()).toMatchObject({ waiting: 1 });
    setTime(NOW + 10);
    receiver.mockImplementation(answering(200));
    await stub.enqueue(event("b")); // the alarm of that clock is a year ahead; the next event brings it back
    await run(stub, 60);
    expect(await stub.list()).toMatchObject({ waiting: 0, undelivered: 0 });
    expect(lines("clock.jumped")).toHaveLength(1);
  });

  test("or an object left alone for a year, is believed a day later", async () => {
    const stub = await newQueue();
    receiver.mockImplementation(answering(500));
    await stub.enqueue(event("a"));
    await run(stub, DAY);
    for (const later of [0, MAX_ALARM_GAP_SECONDS, 2 * MAX_ALARM_GAP_SECONDS]) {
      expect(await stub.list()).toMatchObject({ undelivered: 1 });
      await ringAt(stub, NOW + YEAR + later);
    }
    expect(await alarmOf(stub)).toBe(Number.NaN);
    expect(lines("webhook.expired")).toMatchObject([{ count: 1 }]);
  });
});

test("a message that was given up ends after 30 days", async () => {
  const stub = await newQueue();
  receiver.mockImplementation(answering(500));
  await stub.enqueue(event("a"));
  await run(stub, DAY);
  await runInDurableObject(stub, (_, { storage: { sql } }) => {
    sql.exec("UPDATE message SET queued_at = queued_at - ?", WEBHOOK_KEPT_SECONDS - 2 * DAY);
  });
  await run(stub, 2 * DAY - 1);
  expect(await stub.list()).toMatchObject({ undelivered: 1 });
  await run(stub, 3 * DAY);
  expect([await stub.list(), lines("clock.jumped")]).toMatchObject([{ undelivered: 0 }, []]);
});

test("a table that newer code wrote is neither read nor written", async () => {
  const stub = await newQueue();
  await stub.enqueue(event("a"));
  await runInDurableObject(stub, (_, { storage: { sql } }) => void sql.exec("UPDATE schema_version SET version = 99"));
  await restart(stub);
  await expect(async () => stub.enqueue(event("b"))).rejects.toThrow("schema 99");
  await ringAt(stub, NOW);
  expect([receiver.mock.calls.length, await alarmOf(stub)]).toEqual([0, NOW + SWEEP_INTERVAL_SECONDS]);
});

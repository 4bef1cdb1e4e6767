/** `webhooks list` and `webhooks retry` against the merchant's own routes, over a queue in memory. */

import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { afterAll, beforeEach, describe, expect, test, vi } from "vitest";
import { utf8 } from "../../shared/crypto/bytes.ts";
import { bodyDigest } from "../../shared/crypto/digest.ts";
import { paywallWebhooks } from "../../workers/merchant/paywall/index.ts";
import type { ListedMessage, WebhookList } from "../../workers/merchant/paywall/webhooks/queue.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { sandbox } from "../testing/cli.ts";
import { served } from "../testing/served.ts";

const KEY = "the-shops-key";
const ID = `msg_${"0a".repeat(16)}`;
const MESSAGE: ListedMessage = {
  id: ID,
  type: "payment.settled",
  transaction: "ab".repeat(32),
  queuedAt: "2026-11-29T12:00:00Z",
  tries: 8,
  state: "undelivered",
  problem: "it answered 500\u001b[2J",
};
const NOTHING: WebhookList = { waiting: 0, undelivered: 0, refused: 0, gone: false, oldest: [] };

const queue = { list: vi.fn<() => Promise<WebhookList>>(), retry: vi.fn<(id?: string) => Promise<number>>() };
const env: Record<string, unknown> = {};
const app = new Hono().route("/", paywallWebhooks());
const server = serve({ overrideGlobalObjects: false, fetch: (request) => app.fetch(request, env), port: 0, hostname: "127.0.0.1" });
await once(server, "listening");
const merchant = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
served(merchant);
afterAll(() => void server.close());

const box = sandbox();
box.write("shop.key", `${KEY}\n`, 0o600);
box.write("other.key", "a-guess", 0o600);
const webhooks = (...words: string[]) => box.run(["webhooks", ...words, "--merchant-url", merchant]);
const KEYED = ["--operator-key-file", "./shop.key"];

beforeEach(() => {
  queue.list.mockReset().mockResolvedValue({ ...NOTHING, undelivered: 1, refused: 2, gone: true, oldest: [MESSAGE] });
  queue.retry.mockReset().mockResolvedValue(1);
  Object.assign(env, { WEBHOOKS: { getByName: () => queue }, OPERATOR_KEY_SHA256: bodyDigest(utf8(KEY)) });
});

test("lists what the seller's server has not taken, with the merchant's words made harmless [webhooks-list]", async () => {
  expect((await webhooks("list", ...KEYED)).json).toMatchObject({
    ok: true,
    data: { undelivered: 1, refused: 2, gone: true, oldest: [MESSAGE] },
  });
  const { stdout } = await box.run(["webhooks", "list", "--merchant-url", merchant, ...KEYED], { terminal: true });
  for (const shown of [ID, "payment.settled", "it answered 500", "8, given up", "410"]) expect(stdout).toContain(shown);
  expect(stdout).not.toContain("\u001b[2J");
  queue.list.mockResolvedValue(NOTHING);
  expect((await webhooks("list", ...KEYED)).json.data).toEqual(NOTHING);
});

test("sends all of it again, or one message [webhooks-retry]", async () => {
  queue.retry.mockResolvedValue(3);
  expect((await webhooks("retry", ...KEYED)).json.data).toEqual({ sent: 3 });
  expect((await webhooks("retry", "--id", ID, ...KEYED)).json.data).toEqual({ sent: 3 });
  expect(queue.retry.mock.calls).toEqual([[undefined], [ID]]);
  queue.retry.mockResolvedValue(0);
  expect((await webhooks("retry", ...KEYED)).json.data).toEqual({ sent: 0 });
  expect(await webhooks("retry", "--id", ID, ...KEYED)).toMatchObject({ exit: EXIT.differs, json: { error: { code: "not_found" } } });
});

describe("without the key", () => {
  test.each([["list"], ["retry"]])("%s asks the queue nothing [webhooks-operator-only]", async (word) => {
    const wrong = await webhooks(word, "--operator-key-file", "./other.key");
    expect(wrong).toMatchObject({ exit: EXIT.notSetUp, json: { error: { code: "unauthorized" } } });
    expect((await webhooks(word)).json.error.code).toBe("usage");
    expect((await fetch(`${merchant}/.well-known/paywall-webhooks`)).status).toBe(401);
    expect([queue.list.mock.calls, queue.retry.mock.calls]).toEqual([[], []]);
  });

  test("or the merchant's, there is nothing to ask", async () => {
    for (const missing of [{ OPERATOR_KEY_SHA256: undefined }, { WEBHOOKS: undefined }]) {
      Object.assign(env, missing);
      expect(await webhooks("list", ...KEYED)).toMatchObject({ exit: EXIT.unsupported, json: { error: { code: "not_found" } } });
    }
  });

  test("a hash of nothing opens nothing", async () => {
    Object.assign(env, { OPERATOR_KEY_SHA256: bodyDigest(utf8("")) });
    expect((await webhooks("list", ...KEYED)).json.error.code).toBe("unauthorized");
  });
});

test("a queue that does not answer, and an order that is none", async () => {
  queue.list.mockRejectedValue(new Error("the object broke"));
  expect(await webhooks("list", ...KEYED)).toMatchObject({ exit: EXIT.busy, json: { error: { code: "internal_error", retryable: true } } });
  const order = { method: "POST", headers: { authorization: `Bearer ${KEY}` }, body: '{"id":"all"}' };
  expect((await fetch(`${merchant}/.well-known/paywall-webhooks`, order)).status).toBe(400);
  expect((await box.run(["webhooks", "list", ...KEYED])).json.error.code).toBe("usage");
  queue.list.mockResolvedValue(NOTHING);
  const home = box.path("seller");
  mkdirSync(home, { mode: 0o700 });
  writeFileSync(`${home}/config.json`, JSON.stringify({ merchantUrl: merchant }), { mode: 0o600 });
  const configured = await box.run(["webhooks", "list", ...KEYED], { env: { LEZ_AGENT_PAY_HOME: home } });
  expect(configured.json.data).toEqual(NOTHING);
});

/** A payment outlives the call that began it: whatever ends the call, the goods are in hand afterwards, for one debit. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { EXIT } from "../runtime/exit-codes.ts";
import { BIN } from "../testing/built.ts";
import { REASON, sandbox } from "../testing/cli.ts";
import { startMcp, type TestServer } from "../testing/mcp.ts";
import { CONTENT, startMerchant } from "../testing/merchant.ts";
import { approveAsRead, people } from "../testing/people.ts";

const box = sandbox();
const merchant = await startMerchant();
await people(box);

beforeAll(async () => {
  await box.run("doctor"); // makes the state directory
  box.write("home/config.json", { ownerFile: box.path("owner.json"), agentFile: box.path("agent.json") });
});

/** Settles the payment at once, and delivers when it is told to. */
let deliver: () => void;
beforeEach(() => {
  merchant.reset();
  const told = Promise.withResolvers<void>();
  deliver = told.resolve;
  merchant.behaviour.deliver = (_, response, headers) =>
    void told.promise.then(() => response.writeHead(200, { "content-type": "text/plain", ...headers }).end(CONTENT));
});

interface Said {
  data: { state?: string; response: { body: { text?: string } } };
  error: { code: string; message: string; details: { shortCode: string } };
  next: { tool: string; arguments: Record<string, unknown> };
  meta: { exit: number };
}

async function call({ client }: TestServer, name: string, args: object, signal?: AbortSignal) {
  const { content, isError } = await client.callTool({ name, arguments: { ...args } }, undefined, signal && { signal });
  const [{ text }] = content as [{ text: string }];
  return { ...(JSON.parse(text) as Said), isError };
}

/** A request that its owner has approved. Returns its code. */
async function approved(server: TestServer): Promise<string> {
  const asked = await call(server, "fetch", { url: `${merchant.url}?${crypto.randomUUID()}`, reason: REASON });
  const { shortCode } = asked.error.details;
  expect((await approveAsRead(box, shortCode)).exit).toBe(EXIT.ok);
  return shortCode;
}

/** Until the merchant holds that many payments. */
async function presented(count: number): Promise<void> {
  while (merchant.presented.length < count) await new Promise((resolve) => setTimeout(resolve, 5));
}

const QUICK = { call: 0.5, wait: 0.3, finish: 30 };
const PATIENT = { call: 45, wait: 40, finish: 30 };
const LONG = "0123456789".repeat(20_000);

test("a merchant that answers after the budget: the call ends, the payment goes on, the next call joins it [mcp-budget]", async () => {
  const times = { ...PATIENT };
  const server = await startMcp(box, times);
  const code = await approved(server);
  Object.assign(times, QUICK);
  const ended = await call(server, "fetch", { resume: code, out: "late.txt" });
  expect(ended).toMatchObject({
    isError: false,
    error: { code: "payment_under_way", details: { shortCode: code } },
    meta: { exit: EXIT.outcomeUnknown },
  });
  expect(ended.next).toMatchObject({ tool: "fetch", arguments: { resume: code, out: "late.txt" } });
  expect(await call(server, "pay", { payment: code })).toMatchObject({
    isError: false,
    error: { code: "payment_under_way" },
    next: { tool: "pay" },
  });
  Object.assign(times, PATIENT);
  const joined = call(await startMcp(box, PATIENT), "fetch", { resume: code });
  const [same] = await Promise.all([call(server, ended.next.tool, ended.next.arguments), deliver()]);
  expect(same.data.response.body).toMatchObject({ file: box.path("home/downloads/late.txt") });
  expect((await joined).data.response.body.text).toBe(CONTENT);
  expect([merchant.presented.length, merchant.settled.size]).toEqual([1, 1]);
});

test("what ended while no call waited is in hand at the next, from what was kept", async () => {
  const code = await approved(await startMcp(box));
  const server = await startMcp(box, QUICK);
  expect((await call(server, "pay", { payment: code })).error.code).toBe("payment_under_way");
  deliver();
  const state = async () => (await box.run(["request", "show", code])).json.data["state"] as string;
  while ((await state()) !== "paid") await new Promise((resolve) => setTimeout(resolve, 20));
  expect((await call(await startMcp(box), "fetch", { resume: code })).data.response.body.text).toBe(CONTENT);
  expect([merchant.presented.length, merchant.settled.size]).toEqual([1, 1]);
});

test("a payment that is settled while its answer still comes is joined, not reported as broken off [mcp-joined-body]", async () => {
  const told = Promise.withResolvers<void>();
  merchant.behaviour.deliver = (_, response, headers) => {
    response.writeHead(200, { "content-type": "text/plain", ...headers }).write(LONG.slice(0, 1000));
    void told.promise.then(() => response.end(LONG.slice(1000)));
  };
  const times = { ...PATIENT };
  const server = await startMcp(box, times);
  const code = await approved(server);
  Object.assign(times, QUICK);
  for (const tool of [
    { name: "fetch", resume: code },
    { name: "pay", payment: code },
  ]) {
    const { name, ...args } = tool;
    expect((await call(server, name, args)).error.code).toBe("payment_under_way");
  }
  while ((await call(server, "request_show", { request: code })).data.state !== "paid") await presented(1);
  Object.assign(times, PATIENT);
  const next = [call(server, "fetch", { resume: code }), call(server, "pay", { payment: code })];
  // Another process waits for it: what is on disk so far has not broken off.
  const elsewhere = [box.run(["fetch", "--resume", code]), box.run(["pay", code])];
  await new Promise((resolve) => setTimeout(resolve, 200));
  told.resolve();
  for (const { json } of await Promise.all(elsewhere))
    expect(json).toMatchObject({ ok: true, data: { response: { body: { bytes: LONG.length, complete: true } } } });
  for (const { data } of await Promise.all(next)) expect(data.response.body).toMatchObject({ bytes: LONG.length, complete: true });
  expect([merchant.presented.length, merchant.settled.size]).toEqual([1, 1]);
});

test("a client that cancels during the payment does not stop it [mcp-cancelled]", async () => {
  const server = await startMcp(box, PATIENT);
  const code = await approved(server);
  const cancel = new AbortController();
  const cancelled = call(server, "fetch", { resume: code }, cancel.signal);
  await presented(1);
  cancel.abort();
  await expect(cancelled).rejects.toThrow();
  const next = call(server, "fetch", { resume: code });
  deliver();
  expect((await next).data.response.body.text).toBe(CONTENT);
  expect([merchant.presented.length, merchant.settled.size]).toEqual([1, 1]);
});

test("the same purchase, asked for twice at once, is one payment [mcp-joined]", async () => {
  const server = await startMcp(box, PATIENT);
  const args = { url: `${merchant.url}?twice`, reason: REASON };
  const { shortCode } = (await call(server, "fetch", args)).error.details;
  await approveAsRead(box, shortCode);
  const calls = [call(server, "fetch", args), call(server, "pay", { payment: shortCode }), call(server, "fetch", { resume: shortCode })];
  await presented(1);
  deliver();
  for (const { data } of await Promise.all(calls)) expect(data.response.body.text).toBe(CONTENT);
  expect([merchant.presented.length, merchant.settled.size]).toEqual([1, 1]);
});

test("a client that leaves during the payment: the server ends after it [mcp-left]", async () => {
  const server = await startMcp(box, PATIENT);
  const code = await approved(server);
  call(server, "fetch", { resume: code }).catch(() => undefined);
  await presented(1);
  const left = server.leave();
  deliver();
  await left;
  expect((await call(await startMcp(box), "fetch", { resume: code })).data.response.body.text).toBe(CONTENT);
  expect([merchant.presented.length, merchant.settled.size]).toEqual([1, 1]);
});

test("a merchant slower than a server may take to end: the next server presents the same payment [mcp-left-unanswered]", async () => {
  merchant.behaviour.keeps = "offered";
  const server = await startMcp(box, { ...PATIENT, finish: 0.1 });
  const code = await approved(server);
  call(server, "fetch", { resume: code }).catch(() => undefined);
  await presented(1);
  await server.leave();
  deliver();
  expect((await call(await startMcp(box), "fetch", { resume: code })).data.response.body.text).toBe(CONTENT);
  expect([merchant.presented.length, merchant.settled.size]).toEqual([2, 1]);
});

test("the real process, told to end by SIGTERM, ends after the payment [mcp-sigterm]", async () => {
  const code = await approved(await startMcp(box, PATIENT));
  const child = spawn(process.execPath, [BIN, "mcp"], { env: box.env, stdio: ["pipe", "ignore", "ignore"] });
  const ended = once(child, "exit");
  const hello = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "test", version: "0" } };
  for (const message of [
    { id: 1, method: "initialize", params: hello },
    { method: "notifications/initialized" },
    { id: 2, method: "tools/call", params: { name: "pay", arguments: { payment: code } } },
  ])
    child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  await presented(1);
  child.kill("SIGTERM");
  // Longer than other commands have after an interrupt.
  await new Promise((resolve) => setTimeout(resolve, 1200));
  expect(child.exitCode).toBeNull();
  deliver();
  await ended;
  const { data } = (await box.run(["fetch", "--resume", code])).json;
  expect(data["response"].body.text).toBe(CONTENT);
  expect([merchant.presented.length, merchant.settled.size]).toEqual([1, 1]);
});

test("a server that answers nothing ends a call that pays nothing, in words of its own", async () => {
  merchant.behaviour.instead = () => true;
  const ended = await call(await startMcp(box, QUICK), "quote", { url: merchant.url });
  expect(ended).toMatchObject({
    isError: true,
    error: { code: "network", message: expect.stringContaining("ended after 0.5 s") as string },
  });
});

/** The devnet in workerd, over HTTP: its clock, its faults, its disk, and our own client in front of it. */

import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Stack, startStack } from "../../agent-cli/demo/stack.ts";
import { BUNDLES } from "../../scripts/build-workers.ts";
import { utf8 } from "../../shared/crypto/bytes.ts";
import { bodyDigest, type Digest } from "../../shared/crypto/digest.ts";
import { type Sequencer, sequencerAt } from "../../shared/sequencer/client.ts";
import { askNetwork, fingerprintOf } from "../../shared/sequencer/fingerprint.ts";
import { lezAccountOfBytes } from "../../shared/zone/account.ts";
import { V03 } from "../../shared/zone/v03.ts";
import { keyOf, type TestTransfer, transfer } from "../../workers/lez-devnet/testing/devnet-chain.ts";

const KEY = "the-key-of-these-tests";
const [alice, bob] = [keyOf("alice"), keyOf("bob")];
/** workerd gives a body that no one has read one second, and closes the connection then. */
const LATE_BODY_MILLIS = 1500;
const SUPPLY = JSON.stringify([[alice.account, "1000000000"]]);
const vars = { "lez-devnet": { DEVNET_CONTROL: bodyDigest(utf8(KEY)), FAUCET: "on", BLOCK_MILLIS: "100", SUPPLY } };

let persist: string;
let stack: Stack;
let url: string;
let sequencer: Sequencer;

/** Announces a body and sends none of it: the devnet answers by the length alone. */
function statusOfAnnounced(bytes: number): Promise<number | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
  const sent = request(url, { method: "POST", headers: { "Content-Type": "application/json", "Content-Length": bytes } });
  sent.once("response", ({ statusCode }) => {
    resolve(statusCode);
    sent.destroy();
  });
  sent.on("error", reject);
  sent.flushHeaders();
  return promise;
}

/** Two calls over one connection, of which the first has a body that comes late. @returns what came back, up to the end or to both answers */
async function overOneConnection(path: string, type: string): Promise<string> {
  const { hostname: host, port } = new URL(url);
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "checkHealth", params: [] });
  const head = (to: string, of: string) =>
    `POST ${to} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: ${of}\r\nContent-Length: ${body.length}\r\n\r\n`;
  const socket = connect(Number(port), host);
  let said = "";
  const ended = new Promise<void>((resolve) => {
    socket.on("data", (part) => {
      said += part.toString();
      if (said.includes('"result":null')) resolve();
    });
    socket.on("error", () => resolve());
    socket.on("close", () => resolve());
  });
  socket.write(head(path, type));
  await sleep(LATE_BODY_MILLIS);
  socket.write(body);
  socket.write(head("/", "application/json") + body);
  await ended;
  socket.destroy();
  return said;
}

async function start(): Promise<void> {
  stack = await startStack({ bundles: BUNDLES, persist, lezPort: 0, vars, onLog: () => undefined });
  url = stack.lez ?? "";
  sequencer = sequencerAt(url, V03);
}
beforeAll(async () => {
  persist = await mkdtemp(join(tmpdir(), "lez-devnet-"));
  await start();
  await control("pause", { on: true });
});
afterAll(async () => {
  await stack.stop();
  await rm(persist, { recursive: true, force: true });
});

const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(`${url}${path}`, { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body), headers });
const asOperator = { Authorization: `Bearer ${KEY}` };
async function control(command: string, args: object = {}): Promise<unknown> {
  const response = await post(`/control/${command}`, args, asOperator);
  expect(response.status).toBe(200);
  return ((await response.json()) as { result: unknown }).result;
}
const rpc = (body: unknown) => post("/", body, { "Content-Type": "application/json" });
const mine = () => control("mine", { blocks: 1 });
/** Sends the next transfer of Alice's account. */
async function sendNext(terms: Partial<TestTransfer> = {}): Promise<{ wire: Uint8Array; id: Digest }> {
  const { nonce } = await sequencer.balanceAndNonce(alice.account);
  const wire = transfer(alice, { to: bob.account, nonce, ...terms });
  const sent = await sequencer.sendTransaction(wire);
  if (!sent.ok) throw new Error(sent.error.message);
  return { wire, id: sent.id };
}

describe("HTTP", () => {
  test("a GET is 405, and says what is required", async () => {
    const response = await fetch(url);
    expect([response.status, await response.text()]).toEqual([405, "POST is required"]);
  });

  test("another type than JSON is 415, a body above 10 MiB is 413", async () => {
    expect((await post("/", "{}", { "Content-Type": "text/plain" })).status).toBe(415);
    expect(await statusOfAnnounced(10 * 1024 * 1024 + 1)).toBe(413);
  });

  test("a refusal leaves the connection open for the next call, however late the refused body comes [devnet-refused-body]", async () => {
    const [other, elsewhere, refused] = await Promise.all([
      overOneConnection("/", "text/plain"),
      overOneConnection("/elsewhere", "text/plain"),
      overOneConnection("/control/status", "text/plain"),
    ]);
    for (const [status, said] of [[415, other] as const, [404, elsewhere] as const, [401, refused] as const]) {
      expect(said).toContain(`HTTP/1.1 ${status}`);
      expect(said).toContain('"result":null');
    }
  });

  test("calls and batches", async () => {
    const call = { jsonrpc: "2.0", id: "a", method: "checkHealth", params: [] };
    expect(await (await rpc(call)).text()).toBe('{"jsonrpc":"2.0","id":"a","result":null}');
    expect(await (await rpc([call, { ...call, id: 2 }])).json()).toHaveLength(2);
    expect(await (await rpc("{")).json()).toMatchObject({ id: null, error: { code: -32_700 } });
    expect(await (await rpc({ jsonrpc: "2.0", method: "checkHealth" })).text()).toBe("");
  });

  test("no other path exists, and no control without its key", async () => {
    expect((await post("/elsewhere", {})).status).toBe(404);
    expect((await post("/control/status", {})).status).toBe(401);
    expect((await post("/control/status", {}, { Authorization: "Bearer other" })).status).toBe(401);
    expect((await post("/control/halt", {}, asOperator)).status).toBe(404);
    expect(await (await post("/control/mine", { blocks: 0 }, asOperator)).json()).toMatchObject({ error: "invalid_payload" });
  });
});

test("our client finds v0.3 and the configured chain [devnet-workerd]", async () => {
  const { genesis } = (await control("status")) as { genesis: Digest };
  const configured = { ledger: genesis, channel: await sequencer.channelId() };
  expect(fingerprintOf(await askNetwork(sequencer, configured), configured, V03)).toMatchObject({ ok: true });
});

test("the faucet's money comes with a block, once for each time", async () => {
  const account = lezAccountOfBytes(new Uint8Array(32).fill(7));
  expect(await (await post("/faucet", { account })).json()).toEqual({ account, amount: "10000000000" });
  expect((await post("/faucet", { account })).status).toBe(429);
  expect((await post("/faucet", { account: "x" })).status).toBe(400);
  await mine();
  expect(await sequencer.balanceAndNonce(account)).toEqual({ nonce: 0n, balance: 10_000_000_000n });
});

test("a hundred copies of one payment at once are one inclusion", async () => {
  const before = await sequencer.balanceAndNonce(bob.account);
  const { nonce } = await sequencer.balanceAndNonce(alice.account);
  const wire = transfer(alice, { to: bob.account, value: 7n, nonce });
  const answers = await Promise.all(Array.from({ length: 100 }, () => sequencer.sendTransaction(wire)));
  expect(new Set(answers.map((sent) => sent.ok && sent.id)).size).toBe(1);
  await mine();
  expect((await sequencer.balanceAndNonce(bob.account)).balance).toBe(before.balance + 7n);
  expect((await sequencer.balanceAndNonce(alice.account)).nonce).toBe(nonce + 1n);
});

describe("faults", () => {
  test("an answer that is lost: the caller knows nothing, and the transaction is queued", async () => {
    await control("loseAnswer", { answers: 1 });
    const { nonce } = await sequencer.balanceAndNonce(alice.account);
    const wire = transfer(alice, { to: bob.account, nonce });
    await expect(sequencer.sendTransaction(wire)).rejects.toMatchObject({ kind: "unreachable" });
    await mine();
    expect((await sequencer.balanceAndNonce(alice.account)).nonce).toBe(nonce + 1n);
    expect(await sequencer.sendTransaction(wire)).toMatchObject({ ok: true });
  });

  test("a full queue, a lost queue, and a transaction that a block leaves out", async () => {
    await control("restart");
    await control("fill", { on: true });
    const wire = transfer(alice, { to: bob.account });
    expect(await sequencer.sendTransaction(wire)).toMatchObject({ ok: false, reason: "full" });
    await control("fill", { on: false });
    await control("dropNext", { transactions: 1 });
    const { id } = await sendNext();
    await mine();
    expect(await sequencer.transaction(id)).toBeUndefined();
    const lost = await sendNext();
    expect(await control("restart")).toBe(1);
    await mine();
    expect(await sequencer.transaction(lost.id)).toBeUndefined();
  });

  test("an orphaned block: the payment is gone from the head, and comes again", async () => {
    const { id, wire } = await sendNext();
    await mine();
    const block = await sequencer.lastBlockId();
    expect(await sequencer.transaction(id)).toEqual({ wire, block });
    expect(await control("orphan", { blocks: 1 })).toBe(1);
    expect([await sequencer.transaction(id), await sequencer.lastBlockId()]).toEqual([undefined, block - 1n]);
    await mine();
    expect(await sequencer.transaction(id)).toEqual({ wire, block });
  });

  test("a late answer, and other prices", async () => {
    await control("delay", { millis: 300 });
    const began = performance.now();
    await sequencer.lastBlockId();
    expect(performance.now() - began).toBeGreaterThan(250);
    await control("delay", { millis: 0 });
    await control("baseFee", { exec: "8", stor: "64" });
    expect((await sequencer.feeState()).ceiling).toEqual({ exec: 9n, stor: 72n });
    await control("baseFee", { exec: "8", stor: "8" });
  });
});

test("blocks come by the clock, also after the runtime was stopped; chain and queue are on disk", async () => {
  const { id } = await sendNext();
  const head = await sequencer.lastBlockId();
  const genesis = await sequencer.block(1n);
  await stack.stop();
  await start();
  expect([await sequencer.lastBlockId(), await sequencer.block(1n)]).toEqual([head, genesis]);
  await control("pause", { on: false });
  await expect.poll(() => sequencer.transaction(id), { timeout: 20_000 }).toBeDefined();
  await expect.poll(() => sequencer.lastBlockId(), { timeout: 20_000 }).toBeGreaterThan(head + 2n);
  await control("pause", { on: true });
});

test("a reset is another chain, and our client says so", async () => {
  const configured = { ledger: ((await control("status")) as { genesis: Digest }).genesis };
  const genesis = await control("reset");
  await control("pause", { on: true });
  expect(genesis).not.toBe(configured.ledger);
  expect(fingerprintOf(await askNetwork(sequencer, configured), configured, V03)).toMatchObject({
    ok: false,
    problem: expect.stringContaining("block 1") as string,
  });
  expect((await sequencer.balanceAndNonce(alice.account)).balance).toBe(1_000_000_000n);
});

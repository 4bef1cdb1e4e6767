/**
 * `npm run lanes`: the objects of native payments in workerd on disk, over the devnet. workerd is killed before and after each call to the
 * sequencer, and the payments are made all the same, once.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bundleScript } from "../../scripts/build-workers.ts";
import { Workerd } from "../../scripts/workerd.ts";
import { toBase64, utf8 } from "../../shared/crypto/bytes.ts";
import { bodyDigest } from "../../shared/crypto/digest.ts";
import { type Sequencer, sequencerAt } from "../../shared/sequencer/client.ts";
import { unixNow } from "../../shared/time.ts";
import { decodeBlock } from "../../shared/zone/block.ts";
import type { Finality, LanePayment } from "../../shared/zone/lane-row.ts";
import { decodeTransfer } from "../../shared/zone/transfer.ts";
import { V03 } from "../../shared/zone/v03.ts";
import { keyOf, transfer } from "../../workers/lez-devnet/testing/devnet-chain.ts";

/** Calls to the sequencer at which workerd dies, counted from when a payment is presented. */
const MOST_CALLS = Number(process.env["LANE_KILLS"] ?? 24);
const KEY = "the-key-of-the-devnet";
/** Longer than a read of an account takes, on a busy machine too. */
const BLOCK_MILLIS = "4000";
const COMPATIBILITY = { compatibilityDate: "2026-10-23" };
const SHOP = keyOf("shop");
const buyerOf = (number: number) => keyOf(`buyer ${number}`);
const BUYERS = Array.from({ length: 2 * MOST_CALLS + 10 }, (_, number) => buyerOf(number));

let directory: string;
let devnet: Workerd;
let sequencer: Sequencer;
let lanes: Workerd;
let proxy: Server;
/** What happens to the next calls, by their number; and every transaction that passed. */
let fault: { call: number; before: boolean } | undefined;
let calls = 0;
const sent: string[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "lez-zone-"));
  const entry = (path: string) => bundleScript(fileURLToPath(new URL(path, import.meta.url)));
  const supply = JSON.stringify(BUYERS.map(({ account }) => [account, "100000"]));
  const bindings = { BLOCK_MILLIS, FINAL_BLOCKS: "4", SUPPLY: supply, DEVNET_CONTROL: bodyDigest(utf8(KEY)) };
  const chain = { ...COMPATIBILITY, bindings, durableObjects: { DEVNET: { className: "Devnet" } } };
  const script = await entry("../../workers/lez-devnet/index.ts");
  devnet = await Workerd.create(join(directory, "devnet"), [{ name: "devnet", script, options: chain }], ["devnet"]);
  await devnet.start();
  sequencer = sequencerAt(devnet.origin("devnet"), V03);
  proxy = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      void pass(Buffer.concat(chunks)).then((answer) => {
        if (answer === undefined) return response.destroy();
        response.setHeader("Content-Type", "application/json");
        return response.end(answer);
      });
    });
  });
  await new Promise<void>((resolve) => {
    proxy.listen(0, "127.0.0.1", () => resolve());
  });
  const { port } = proxy.address() as AddressInfo;
  const genesis = decodeBlock((await sequencer.block(1n)) ?? new Uint8Array(0));
  if (!genesis.ok) throw new Error(genesis.problem);
  const options = {
    ...COMPATIBILITY,
    bindings: { SEQUENCER_URL: `http://127.0.0.1:${port}/`, SEQUENCER_LEDGER: genesis.block.hash },
    durableObjects: { LANE: { className: "Lane" }, CHAIN_WATCH: { className: "ChainWatch" } },
  };
  lanes = await Workerd.create(join(directory, "lanes"), [{ name: "lanes", script: await entry("workers/lanes.ts"), options }], ["lanes"]);
  await lanes.start();
});

afterAll(async () => {
  await lanes?.kill();
  await devnet?.kill();
  proxy?.closeAllConnections();
  proxy?.close();
  await rm(directory, { recursive: true, force: true });
});

/** A call to the sequencer, unless workerd dies of it. */
async function pass(body: Buffer): Promise<string | undefined> {
  const dies = fault?.call === ++calls ? fault : undefined;
  if (dies?.before) return die();
  const { method, params } = JSON.parse(body.toString()) as { method: string; params: string[] };
  if (method === "sendTransaction") sent.push(params[0] ?? "");
  const answer = await fetch(devnet.origin("devnet"), { method: "POST", headers: { "Content-Type": "application/json" }, body });
  const text = await answer.text();
  return dies ? die() : text;
}

async function die(): Promise<undefined> {
  fault = undefined;
  await lanes.kill();
  await lanes.start();
}

async function control(name: string, args: object): Promise<void> {
  const headers = { Authorization: `Bearer ${KEY}`, "Content-Type": "application/json" };
  const { status } = await fetch(`${devnet.origin("devnet")}/control/${name}`, { method: "POST", headers, body: JSON.stringify(args) });
  expect(status).toBe(200);
}

function paymentOf(number: number, finality: Finality = "head", aux = {}): LanePayment {
  const wire = transfer(buyerOf(number), { to: SHOP.account, value: 1000n, maxFee: 50_000n, ...aux });
  const decoded = decodeTransfer(wire);
  if (!decoded.ok) throw new Error(decoded.problem);
  const { h, id: transaction, transfer: terms } = decoded;
  const { from: payer, to: payee, value, nonce, fee } = terms;
  const facts = { fingerprint: `purchase ${number}`, finality, validBefore: unixNow() + 600 };
  return { h, transaction, wire: toBase64(wire), payer, payee, value, nonce, maxFee: fee.maxFee, ...facts };
}

interface Told {
  answer: string;
  money?: string;
  code?: string;
}

async function ask(path: string, payment: LanePayment, by = "a settlement", waitSeconds = 3): Promise<Told> {
  const body = JSON.stringify({ payment, gasLimit: "0", by, waitSeconds }, (_, value: unknown) =>
    typeof value === "bigint" ? value.toString() : value,
  );
  try {
    return (await (await fetch(`${lanes.origin("lanes")}${path}`, { method: "POST", body })).json()) as Told;
  } catch {
    return { answer: "no answer" };
  }
}

async function statusOf({ payer, h }: LanePayment): Promise<string> {
  try {
    return ((await (await fetch(`${lanes.origin("lanes")}/status?payer=${payer}&h=${h}`)).json()) as { status: string }).status;
  } catch {
    return "no answer";
  }
}

async function until<T>(read: () => Promise<T>, isIt: (value: T) => boolean): Promise<T> {
  for (let tries = 0; tries < 400; tries++) {
    const value = await read();
    if (isIt(value)) return value;
    await sleep(250);
  }
  throw new Error(`still ${JSON.stringify(await read())}`);
}

const settled = (payment: LanePayment) =>
  until(
    () => ask("/settle", payment),
    ({ answer }) => answer === "receipt",
  );

const shopHas = async () => (await sequencer.balanceAndNonce(SHOP.account)).balance;

describe("workerd dies at a call to the sequencer, and the payment is made once:", () => {
  test.each(Array.from({ length: MOST_CALLS }, (_, index) => index + 1))("call %i, before it and after it [native-crash]", async (call) => {
    for (const before of [true, false]) {
      const payment = paymentOf(2 * (call - 1) + (before ? 0 : 1));
      const had = await shopHas();
      [calls, fault] = [0, { call, before }];
      await settled(payment);
      fault = undefined;
      expect(await shopHas()).toBe(had + 1000n);
      expect(new Set(sent.filter((wire) => wire === payment.wire)).size).toBe(1);
      expect((await sequencer.balanceAndNonce(payment.payer)).nonce).toBe(1n);
    }
  });
});

const [ALONE, TWICE, ORPHANED, FULL, FINAL, RESET] = [1, 2, 3, 4, 5, 6].map((number) => 2 * MOST_CALLS + number);

test("the alarm alone brings a payment to its end, though nobody asks and workerd was killed", async () => {
  const payment = paymentOf(ALONE ?? 0);
  const told = await ask("/settle", payment, "a settlement", 0);
  expect(["pending", "unavailable"]).toContain(told.answer);
  if (told.answer === "unavailable")
    await until(
      () => ask("/settle", payment, "a settlement", 0),
      ({ answer }) => answer === "pending",
    );
  await lanes.kill();
  await lanes.start();
  await until(
    () => statusOf(payment),
    (status) => status === "settled",
  );
});

test("a hundred copies of one payment: one inclusion, and one settlement has the receipt", async () => {
  const payment = paymentOf(TWICE ?? 0);
  await until(
    () => ask("/settle", payment, "none", 0),
    ({ answer }) => answer === "pending",
  );
  const told = await Promise.all(Array.from({ length: 100 }, (_, copy) => ask("/settle", payment, `copy ${copy}`, 20)));
  expect(told.filter(({ answer }) => answer === "receipt")).toHaveLength(1);
  expect(told.filter(({ code }) => code === "nonce_replayed")).toHaveLength(99);
});

test("a payment whose block leaves the chain is paid again by the same bytes", async () => {
  const payment = paymentOf(ORPHANED ?? 0, "depth:2");
  await until(
    () => ask("/settle", payment, "a settlement", 0),
    ({ answer }) => answer === "pending",
  );
  await until(
    async () => (await sequencer.balanceAndNonce(payment.payer)).nonce,
    (nonce) => nonce === 1n,
  );
  await control("orphan", { blocks: 2 });
  await settled(payment);
  expect((await sequencer.balanceAndNonce(payment.payer)).nonce).toBe(1n);
});

test("a full mempool is told as such, and nothing has left", async () => {
  const payment = paymentOf(FULL ?? 0);
  await control("fill", { on: true });
  const told = await until(
    () => ask("/settle", payment),
    ({ answer }) => answer !== "unavailable",
  );
  expect(told).toMatchObject({ answer: "refused", money: "unmoved", code: "overloaded" });
  await control("fill", { on: false });
  await settled(payment);
});

test("a receipt that asks for finality waits for it", async () => {
  const payment = paymentOf(FINAL ?? 0, "final");
  await settled(payment);
  const last = await sequencer.lastBlockId();
  const found = await sequencer.transaction(payment.transaction);
  expect(last - (found?.block ?? last)).toBeGreaterThanOrEqual(4n);
});

test("after a reset nothing is paid or sent", async () => {
  const payment = paymentOf(RESET ?? 0, "final");
  await until(
    () => ask("/settle", payment, "a settlement", 0),
    ({ answer }) => answer === "pending",
  );
  await control("reset", {});
  await until(
    () => ask("/settle", payment, "a settlement", 0),
    ({ code }) => code === "ledger_mismatch",
  );
  const before = sent.length;
  await sleep(3000);
  expect(sent.length).toBe(before);
});

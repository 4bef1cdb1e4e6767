/**
 * `npm run lanes`: the objects of native payments in workerd on disk, over the devnet. workerd is killed before and after each call to the
 * sequencer, and the payments are made all the same, once. The devnet's clock stands still: a block is made when a test wants one, so that
 * nothing depends on how fast the machine is. `LANE_KILLS=4` tries so many calls, spread over all of them.
 */

import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Plugin } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bundleScript } from "../../scripts/build-workers.ts";
import { Workerd } from "../../scripts/workerd.ts";
import { fromBase64, toBase64, utf8 } from "../../shared/crypto/bytes.ts";
import { bodyDigest } from "../../shared/crypto/digest.ts";
import { type Sequencer, sequencerAt } from "../../shared/sequencer/client.ts";
import { unixNow } from "../../shared/time.ts";
import { decodeBlock } from "../../shared/zone/block.ts";
import type { Finality, LanePayment } from "../../shared/zone/lane-row.ts";
import { decodeTransfer } from "../../shared/zone/transfer.ts";
import { V03 } from "../../shared/zone/v03.ts";
import { keyOf, transfer } from "../../workers/lez-devnet/testing/devnet-chain.ts";

/** More than a payment needs, counted from when it is presented. */
const MOST_CALLS = 32;
const KILLS = Math.min(Number(process.env["LANE_KILLS"] ?? MOST_CALLS), MOST_CALLS);
/** The calls to the sequencer at which workerd dies, and the one that matters most. */
const CALLS = ["sendTransaction", ...Array.from({ length: KILLS }, (_, index) => 1 + Math.floor((index * MOST_CALLS) / KILLS))] as const;
/** How long before its end a payment is owed in the bundle, so that no test waits for the end of one. */
const OWED_BEFORE_END = 600;
/** Waiting is not what is tested: these are shorter in the bundle. */
const SHORTER: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "shared/limits.ts": { "const UNDELIVERED_SECONDS = 3600;": `const UNDELIVERED_SECONDS = -${OWED_BEFORE_END};` },
  "zone/lane-table.ts": { "const RESEND_SECONDS = 30;": "const RESEND_SECONDS = 2;" },
  "zone/lane.ts": {
    "export const WATCH_SECONDS = 2;": "export const WATCH_SECONDS = 1;",
    "const SLOW_WATCH_SECONDS = 30;": "const SLOW_WATCH_SECONDS = 1;",
  },
  "native/chain-watch.ts": { "const POLL_MILLIS = 2000;": "const POLL_MILLIS = 50;" },
};
const IMPATIENT: Plugin = {
  name: "impatient",
  setup: (build) => {
    for (const [file, changes] of Object.entries(SHORTER)) {
      build.onLoad({ filter: new RegExp(`${file.replace(".", "[.]")}$`) }, ({ path }) => {
        let contents = readFileSync(path, "utf8");
        for (const [find, replace] of Object.entries(changes)) {
          if (contents.split(find).length !== 2) throw new Error(`${file} does not have ${find} once`);
          contents = contents.replace(find, replace);
        }
        return { contents, loader: "ts" };
      });
    }
  },
};
const KEY = "the-key-of-the-devnet";
const COMPATIBILITY = { compatibilityDate: "2026-10-23" };
const SHOP = keyOf("shop");
const buyerOf = (number: number) => keyOf(`buyer ${number}`);
const BUYERS = Array.from({ length: 2 * CALLS.length + 10 }, (_, number) => buyerOf(number));

let directory: string;
let devnet: Workerd;
let sequencer: Sequencer;
let lanes: Workerd;
let proxy: Server;
/** At which of the next calls workerd dies, by number or method; and every transaction that passed. */
let fault: { call: number | string; before: boolean } | undefined;
let calls = 0;
const sent: string[] = [];
/** Empty blocks that a test waits for; and when the last block was made. */
let blocksWanted = 0;
let minedAt = 0;
/** The watch takes a head for stale after ten blocks' time, which is at least 50 seconds. */
const OLD_HEAD_MILLIS = 20_000;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "lez-zone-"));
  const entry = (path: string, plugins?: Plugin[]) => bundleScript(fileURLToPath(new URL(path, import.meta.url)), plugins);
  const supply = JSON.stringify(BUYERS.map(({ account }) => [account, "100000"]));
  const bindings = { FINAL_BLOCKS: "4", SUPPLY: supply, DEVNET_CONTROL: bodyDigest(utf8(KEY)) };
  const chain = { ...COMPATIBILITY, bindings, durableObjects: { DEVNET: { className: "Devnet" } } };
  const script = await entry("../../workers/lez-devnet/index.ts");
  devnet = await Workerd.create(join(directory, "devnet"), [{ name: "devnet", script, options: chain }], ["devnet"]);
  await devnet.start();
  await control("pause", { on: true });
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
  const impatient = await entry("workers/lanes.ts", [IMPATIENT]);
  lanes = await Workerd.create(join(directory, "lanes"), [{ name: "lanes", script: impatient, options }], ["lanes"]);
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
  const { method, params } = JSON.parse(body.toString()) as { method: string; params: string[] };
  calls++;
  const dies = fault && [calls, method].includes(fault.call) ? fault : undefined;
  if (dies?.before) return die();
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

async function control(name: string, args: object): Promise<unknown> {
  const headers = { Authorization: `Bearer ${KEY}`, "Content-Type": "application/json" };
  const answer = await fetch(`${devnet.origin("devnet")}/control/${name}`, { method: "POST", headers, body: JSON.stringify(args) });
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { result: unknown }).result;
}

function paymentOf(number: number, finality: Finality = "head", seconds = 3600): LanePayment {
  const wire = transfer(buyerOf(number), { to: SHOP.account, value: 1000n, maxFee: 50_000n });
  const decoded = decodeTransfer(wire);
  if (!decoded.ok) throw new Error(decoded.problem);
  const { h, id: transaction, transfer: terms } = decoded;
  const { from: payer, to: payee, value, nonce, fee } = terms;
  const facts = { fingerprint: `purchase ${number}`, finality, validBefore: unixNow() + seconds };
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

/** Makes a block if one is wanted, and asks again. */
async function until<T>(read: () => Promise<T>, isIt: (value: T) => boolean): Promise<T> {
  for (let tries = 0; tries < 1000; tries++) {
    const value = await read();
    if (isIt(value)) return value;
    await mineIfWanted();
    await sleep(100);
  }
  throw new Error(`still ${JSON.stringify(await read())}`);
}

/** A transaction waits, a payment waits for depth, or the head is so old that the chain seems to stand still. */
async function mineIfWanted(): Promise<void> {
  const { waiting } = (await control("status", {})) as { waiting: number };
  const isOld = Date.now() - minedAt > OLD_HEAD_MILLIS;
  if (waiting === 0 && blocksWanted === 0 && !isOld) return;
  if (waiting === 0 && blocksWanted > 0) blocksWanted--;
  await mine();
}

async function mine(): Promise<void> {
  await control("mine", { blocks: 1 });
  minedAt = Date.now();
}

const settled = (payment: LanePayment) =>
  until(
    () => ask("/settle", payment, "a settlement", 1),
    ({ answer }) => answer === "receipt",
  );

/** Until its bytes may have left. */
const presented = (payment: LanePayment) =>
  until(
    () => ask("/settle", payment, "a settlement", 0),
    ({ answer }) => answer === "pending",
  );

const shopHas = async () => (await sequencer.balanceAndNonce(SHOP.account)).balance;

/** All that was sent for this payer. */
const sentBy = ({ payer }: LanePayment) =>
  sent.filter((wire) => {
    const decoded = decodeTransfer(fromBase64(wire) ?? new Uint8Array(0));
    return decoded.ok && decoded.transfer.from === payer;
  });

describe("workerd dies at a call to the sequencer, and the payment is made once:", () => {
  test.each(CALLS.map((call, index) => [call, index] as const))("call %s, before it and after it [native-crash]", async (call, index) => {
    for (const before of [true, false]) {
      const payment = paymentOf(2 * index + (before ? 0 : 1));
      const had = await shopHas();
      await mine();
      [calls, fault] = [0, { call, before }];
      await settled(payment);
      fault = undefined;
      expect(await shopHas()).toBe(had + 1000n);
      expect(new Set(sentBy(payment))).toEqual(new Set([payment.wire]));
      expect((await sequencer.balanceAndNonce(payment.payer)).nonce).toBe(1n);
    }
  });
});

const [ALONE, TWICE, ORPHANED, FULL, FINAL, UNCOLLECTED, RESET] = [1, 2, 3, 4, 5, 6, 7].map((number) => 2 * CALLS.length + number);

test("the alarm alone brings a payment to its end, though nobody asks and workerd was killed", async () => {
  const payment = paymentOf(ALONE ?? 0);
  await presented(payment);
  await lanes.kill();
  await lanes.start();
  await until(
    () => statusOf(payment),
    (status) => status === "settled",
  );
});

test("a hundred copies of one payment: one inclusion, and one settlement has the receipt", async () => {
  const payment = paymentOf(TWICE ?? 0);
  await presented(payment);
  const told: Told[] = [];
  for (let copy = 0; copy < 100; copy++) void ask("/settle", payment, `copy ${copy}`, 20).then((answer) => told.push(answer));
  await until(
    () => Promise.resolve(told.length),
    (answers) => answers === 100,
  );
  expect(told.filter(({ answer }) => answer === "receipt")).toHaveLength(1);
  expect(told.filter(({ code }) => code === "nonce_replayed")).toHaveLength(99);
});

test("a payment whose block leaves the chain is paid again by the same bytes", async () => {
  const payment = paymentOf(ORPHANED ?? 0, "depth:2");
  await presented(payment);
  await until(
    async () => (await sequencer.balanceAndNonce(payment.payer)).nonce,
    (nonce) => nonce === 1n,
  );
  await control("orphan", { blocks: 1 });
  blocksWanted = 3;
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
  blocksWanted = 6;
  await settled(payment);
  const last = await sequencer.lastBlockId();
  const found = await sequencer.transaction(payment.transaction);
  expect(last - (found?.block ?? last)).toBeGreaterThanOrEqual(4n);
});

test("a final payment that no purchase took in time is on the operator's list, once, though workerd was killed [native-owed-listed]", async () => {
  const payment = paymentOf(UNCOLLECTED ?? 0, "head", OWED_BEFORE_END + 5);
  const { messageHash, ...facts } = { messageHash: payment.h, transaction: payment.transaction, payer: payment.payer, value: "1000" };
  const owed = async () => {
    const answer = await fetch(`${lanes.origin("lanes")}/owed`).catch(() => undefined);
    const page = answer && ((await answer.json()) as { owed: { messageHash: string }[] });
    return page ? page.owed.filter((row) => row.messageHash === messageHash) : [];
  };
  await presented(payment);
  blocksWanted = 6;
  for (let kills = 0; kills < 2; kills++) {
    expect(await until(owed, (rows) => rows.length > 0)).toEqual([expect.objectContaining(facts)]);
    await lanes.kill();
    await lanes.start();
  }
});

test("after a reset nothing is paid or sent", async () => {
  const payment = paymentOf(RESET ?? 0, "final");
  await presented(payment);
  await control("reset", {});
  await until(
    () => ask("/settle", payment, "a settlement", 0),
    ({ code }) => code === "ledger_mismatch",
  );
  const before = sent.length;
  await sleep(3000);
  expect(sent.length).toBe(before);
});

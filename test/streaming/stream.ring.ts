/**
 * A large purchase over a slow line: the real executable is killed twice in the middle of the answer and run again. In the end the
 * goods are whole, the buyer has paid once, and no process held them in memory.
 *
 *     STREAM_MB=200 STREAM_SECONDS=600 npm run stream
 */

import { type ChildProcess, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createReadStream, readFileSync, statSync } from "node:fs";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { HTTPFacilitatorClient } from "@x402/core/server";
import { afterAll, expect, test } from "vitest";
import { BIN } from "../../agent-cli/testing/built.ts";
import { REASON, sandbox } from "../../agent-cli/testing/cli.ts";
import { approveAsRead, people } from "../../agent-cli/testing/people.ts";
import { served } from "../../agent-cli/testing/served.ts";
import { canonicalJson } from "../../shared/crypto/digest.ts";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import { ASSET, NETWORK, SCHEME } from "../../shared/lez.ts";
import { bindingOf } from "../../shared/protocol/binding.ts";
import { decodeHeader, encodeHeader } from "../../shared/x402/headers.ts";
import { paymentPayloadSchema, type PaymentRequirements, type SettleResponse } from "../../shared/x402/x402.ts";
import { useStack } from "../stack/stack.ts";

const MIB = 1024 * 1024;
const BYTES = Number(process.env["STREAM_MB"] ?? 20) * MIB;
const SECONDS = Number(process.env["STREAM_SECONDS"] ?? 20);
const PRICE = 10_000n;
/** More than Node and the CLI need, and less than the goods. */
const MAX_MEMORY = 160 * MIB;
const TICK_MILLISECONDS = 50;
const ETAG = '"film-1"';

/** The goods: one block again and again. Its length is odd, so that a part in the wrong place changes the whole. */
const BLOCK = randomBytes(MIB + 7);
function slice(from: number, to: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = from; at < to;) {
    const start = at % BLOCK.length;
    const part = BLOCK.subarray(start, Math.min(BLOCK.length, start + to - at));
    parts.push(part);
    at += part.length;
  }
  return Buffer.concat(parts);
}
function digestOfGoods(): string {
  const hash = createHash("sha256");
  for (let at = 0; at < BYTES; at += MIB) hash.update(slice(at, Math.min(BYTES, at + MIB)));
  return hash.digest("hex");
}

const world = useStack();
const box = sandbox();
/** Receipts by payment: a payment that was settled is served again. */
const sold = new Map<string, SettleResponse>();
const ranges: (string | undefined)[] = [];
let sent = 0;
const isSent = (bytes: number) => sent >= bytes;

const server = http.createServer((request, response) => void answer(request, response));
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const url = `${origin}/film`;
served(origin);

function offer(): PaymentRequirements {
  const terms = { network: NETWORK, asset: ASSET, amount: String(PRICE), payTo: DEMO_MERCHANT_ACCOUNT };
  const binding = bindingOf({ method: "GET", url }, terms);
  return { scheme: SCHEME, ...terms, maxTimeoutSeconds: 900, extra: { binding, ledger: world.stack.ledger } };
}

/** A merchant that settles at the real facilitator, through the official client, before it delivers. */
async function answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
  const header = request.headers["payment-signature"];
  if (typeof header !== "string") {
    const required = { x402Version: 2, error: "payment_required", resource: { url }, accepts: [offer()] };
    return void response.writeHead(402, { "payment-required": encodeHeader(required) }).end();
  }
  const payment = decodeHeader(header, paymentPayloadSchema);
  if (!payment.ok) return void response.writeHead(400).end();
  const key = canonicalJson(payment.value.payload);
  const facilitator = new HTTPFacilitatorClient({ url: world.stack.facilitator });
  const settled = sold.get(key) ?? (await facilitator.settle(payment.value as never, offer() as never));
  if (!settled.success) return void response.writeHead(402, { "payment-response": encodeHeader(settled) }).end();
  sold.set(key, settled);
  ranges.push(request.headers.range);
  await deliver(request, response, settled);
}

async function deliver(request: http.IncomingMessage, response: http.ServerResponse, receipt: SettleResponse): Promise<void> {
  const [, from] = /^bytes=([0-9]+)-$/.exec(request.headers.range ?? "") ?? [];
  const start = request.headers["if-range"] === ETAG ? Number(from) : 0;
  response.writeHead(start > 0 ? 206 : 200, {
    "payment-response": encodeHeader(receipt),
    "content-length": String(BYTES - start),
    "accept-ranges": "bytes",
    etag: ETAG,
    ...(start > 0 && { "content-range": `bytes ${start}-${BYTES - 1}/${BYTES}` }),
  });
  const perTick = Math.ceil((BYTES / SECONDS) * (TICK_MILLISECONDS / 1000));
  for (let at = start; at < BYTES && !response.destroyed; at += perTick) {
    const chunk = slice(at, Math.min(BYTES, at + perTick));
    if (!response.write(chunk)) await Promise.race([once(response, "drain"), once(response, "close")]);
    sent = at + chunk.length;
    await sleep(TICK_MILLISECONDS);
  }
  response.end();
}

function begin(words: string[]): ChildProcess {
  return spawn(process.execPath, [BIN, ...words], { cwd: box.directory, env: box.env, stdio: "ignore" });
}

/** The most memory that a process has had, in bytes. */
function memoryOf({ pid }: ChildProcess): number {
  const [, kib = "0"] = /VmHWM:\s+([0-9]+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kib) * 1024;
}

async function balance(account: string): Promise<bigint> {
  const answer = (await (await fetch(`${world.stack.facilitator}/accounts/${account}`)).json()) as { balance: string };
  return BigInt(answer.balance);
}

test(
  "a purchase that is killed twice while it streams is whole in the end, for one debit [stream-killed-twice]",
  async () => {
    const { owner } = await people(box);
    await box.run("doctor"); // makes the state directory
    const { facilitator, ledger } = world.stack;
    box.write("home/config.json", {
      facilitatorUrl: facilitator,
      ledger,
      ownerFile: box.path("owner.json"),
      agentFile: box.path("agent.json"),
    });
    expect((await box.run("faucet")).exit).toBe(0);
    const before = await balance(owner.account);
    const asked = await box.run(["fetch", url, "--reason", REASON]);
    expect((await approveAsRead(box, asked.json.error.details?.["shortCode"] as string)).exit).toBe(0);

    const words = ["fetch", url, "--reason", REASON, "--out", "film.bin"];
    for (const part of [1 / 3, 2 / 3]) {
      const child = begin(words);
      while (!isSent(BYTES * part)) await sleep(TICK_MILLISECONDS);
      expect(memoryOf(child)).toBeLessThan(MAX_MEMORY);
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    const last = begin(words);
    let most = 0;
    while (!isSent(BYTES)) {
      most = Math.max(most, memoryOf(last));
      await sleep(TICK_MILLISECONDS);
    }
    const [exit] = (await once(last, "exit")) as [number | null];
    expect([exit, most < MAX_MEMORY]).toEqual([0, true]);

    const film = box.path("film.bin");
    const hash = createHash("sha256");
    for await (const chunk of createReadStream(film)) hash.update(chunk as Buffer);
    expect([statSync(film).size, hash.digest("hex")]).toEqual([BYTES, digestOfGoods()]);
    expect(await balance(owner.account)).toBe(before - PRICE);
    expect([sold.size, ranges.length, ranges[0]]).toEqual([1, 3, undefined]);
    for (const range of ranges.slice(1)) expect(range).toMatch(/^bytes=[1-9][0-9]*-$/);
    console.log(
      `${BYTES / MIB} MiB in ${SECONDS} s, killed twice: resumed at ${ranges.slice(1).join(" and ")}, one debit of ${PRICE} units`,
    );
  },
  (SECONDS * 3 + 120) * 1000,
);

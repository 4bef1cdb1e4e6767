/**
 * `npm run stack`: the whole system on loopback, in real workerd, until a signal. Prints one JSON line when it is ready:
 * {"merchant": "http://…", "facilitator": "http://…", "payTo": "…", "ledger": "…"}. The Workers' logs go to stderr.
 */

import { createServer } from "node:net";
import { parseArgs } from "node:util";
import { startStack } from "../agent-cli/demo/stack.ts";
import { DEMO_RECEIPT_KEY } from "../shared/demo.ts";
import { parseShards } from "../shared/ledger/shards.ts";

const USAGE = `Usage: npm run stack -- [options]
  --persist DIR            keep the ledger in DIR (default: forget it)
  --shards N               spread a new ledger over N objects (default 1)
  --merchant-port PORT     default 8787; 0 is any free one
  --facilitator-port PORT  default 8788; 0 is any free one
  --facilitator-url URL    let the merchant settle at this x402 facilitator instead
  --quiet                  no logs`;

const { values } = readOptions();
const merchantPort = await port("merchant", values["merchant-port"] ?? "8787");
const facilitatorPort = await port("facilitator", values["facilitator-port"] ?? "8788");
const shards = numberOfShards(values.shards);
// wrangler takes seconds to load, so wrong options and taken ports are reported before.
const { BUNDLES, buildWorkers } = await import("./build-workers.ts");
await buildWorkers();
const stack = await startStack({
  bundles: BUNDLES,
  ...(values.persist !== undefined && { persist: values.persist }),
  shards,
  vars: { "lez-merchant": { RECEIPT_KEY: DEMO_RECEIPT_KEY, FACILITATOR_URL: values["facilitator-url"] ?? "" } },
  merchantPort,
  facilitatorPort,
  onLog: (line) => void (values.quiet || process.stderr.write(`${line}\n`)),
});
const { merchant, facilitator, payTo, ledger } = stack;
process.stdout.write(`${JSON.stringify({ merchant, facilitator, payTo, ledger })}\n`);

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void stop());
// If the parent was killed, no one is left to stop this process.
const parent = process.ppid;
setInterval(() => void (process.ppid === parent || stop()), 1000);

async function stop(): Promise<void> {
  await stack.stop();
  process.exit(0);
}

function readOptions() {
  try {
    return parseArgs({
      options: {
        persist: { type: "string" },
        shards: { type: "string" },
        "merchant-port": { type: "string" },
        "facilitator-port": { type: "string" },
        "facilitator-url": { type: "string" },
        quiet: { type: "boolean" },
      },
    });
  } catch (error) {
    return misused(error instanceof Error ? error.message : String(error));
  }
}

function misused(problem: string): never {
  console.error(`${problem}\n${USAGE}`);
  process.exit(2);
}

function numberOfShards(asked: string | undefined): number {
  try {
    return parseShards(asked);
  } catch (error) {
    return misused(error instanceof Error ? error.message : String(error));
  }
}

/** Never picks another port: the README's commands would talk to the wrong server. */
async function port(of: "merchant" | "facilitator", asked: string): Promise<number> {
  const number = Number(asked);
  if (!Number.isInteger(number) || number < 0 || number > 65_535) return misused(`Not a port: ${asked}`);
  if (number === 0 || (await isFree(number))) return number;
  console.error(`Port ${number} is in use, perhaps by another stack. Stop it, or name another one: --${of}-port (0 is any free one)`);
  return process.exit(1);
}

function isFree(candidate: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const probe = createServer()
    .once("error", () => resolve(false))
    .listen(candidate, "127.0.0.1", () => probe.close(() => resolve(true)));
  return promise;
}

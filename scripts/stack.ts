/**
 * `npm run stack`: the whole system on loopback, in real workerd, until a signal. Prints one JSON line when it is ready:
 * {"merchant": "http://…", "facilitator": "http://…", "payTo": "…", "ledger": "…"}. The Workers' logs go to stderr.
 */
import { createServer } from "node:net";
import { parseArgs } from "node:util";
import { startStack } from "../agent-cli/demo/stack.ts";
import { DEMO_RECEIPT_KEY } from "../shared/demo.ts";
import { parseShards } from "../shared/ledger/shards.ts";
import { BUNDLES, buildWorkers } from "./build-workers.ts";

const USAGE = `Usage: npm run stack -- [options]
  --persist DIR            keep the ledger in DIR (default: forget it)
  --shards N               spread a new ledger over N objects (default 1)
  --merchant-port PORT     default 8787, or any free one
  --facilitator-port PORT  default 8788, or any free one
  --facilitator-url URL    let the merchant settle at this x402 facilitator instead
  --quiet                  no logs`;

const { values } = readOptions();
await buildWorkers();
const stack = await startStack({
  bundles: BUNDLES,
  ...(values.persist !== undefined && { persist: values.persist }),
  shards: shards(values.shards),
  vars: { "lez-merchant": { RECEIPT_KEY: DEMO_RECEIPT_KEY, FACILITATOR_URL: values["facilitator-url"] ?? "" } },
  merchantPort: await port(values["merchant-port"], 8787),
  facilitatorPort: await port(values["facilitator-port"], 8788),
  onLog: (line) => void (values.quiet || process.stderr.write(`${line}\n`)),
});
const { merchant, facilitator, payTo, ledger } = stack;
process.stdout.write(`${JSON.stringify({ merchant, facilitator, payTo, ledger })}\n`);

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void stop());
// Nobody is left to stop it when whoever started it was killed.
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

function shards(asked: string | undefined): number {
  try {
    return parseShards(asked);
  } catch (error) {
    return misused(error instanceof Error ? error.message : String(error));
  }
}

/** The port that was asked for; the usual one if it is free; else whichever the system gives. */
async function port(asked: string | undefined, usual: number): Promise<number> {
  if (asked === undefined) return (await isFree(usual)) ? usual : 0;
  const number = Number(asked);
  return Number.isInteger(number) && number >= 0 && number < 65_536 ? number : misused(`Not a port: ${asked}`);
}

function isFree(candidate: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const probe = createServer()
    .once("error", () => resolve(false))
    .listen(candidate, "127.0.0.1", () => probe.close(() => resolve(true)));
  return promise;
}

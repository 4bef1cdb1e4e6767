/**
 * `npm run simulate`: payments over a hostile network, between machines that crash and clocks that jump, all under a seed.
 * Prints one line per violation with the seed that reproduces it. Exit code 1 when there was any.
 */

import { parseArgs } from "node:util";
import { parseShards } from "../shared/ledger/shards.ts";
import { simulate } from "../test/simulation/run.ts";

const USAGE = `Usage: npm run simulate -- [options]
  --seeds N   how many runs (default 200)
  --seed S    the first seed (default 1); with --seeds 1 it reproduces a run
  --shards N  over how many shards the ledger is spread (default 4)
  --json      one JSON line at the end, and nothing else`;

const { seeds, seed, shards, json } = readOptions();
const began = Date.now();
const total = {
  seeds,
  shards,
  events: 0,
  crashes: 0,
  acknowledged: 0,
  refunded: 0,
  claimed: 0,
  calledOff: 0,
  violations: 0,
  firstViolation: undefined as number | undefined,
};
for (let i = seed; i < seed + seeds; i++) {
  const run = await simulate(i, shards);
  total.events += run.events;
  total.crashes += run.crashes;
  total.acknowledged += run.acknowledged;
  total.refunded += run.refunded;
  total.claimed += run.claimed;
  total.calledOff += run.calledOff;
  total.violations += run.violations.length;
  if (run.violations.length > 0) total.firstViolation ??= i;
  for (const violation of run.violations) if (!json) console.error(`seed ${i}: ${violation}`);
}
const seconds = (Date.now() - began) / 1000;
if (json) console.log(JSON.stringify({ ...total, seconds }));
else {
  console.log(
    `${seeds} seeds over ${shards} shards in ${seconds.toFixed(1)} s: ${total.events} events, ${total.crashes} crashes, ` +
      `${total.acknowledged} payments acknowledged, ${total.refunded} refunds, ${total.claimed} claims, ${total.calledOff} called off, ${total.violations} violations`,
  );
}
process.exitCode = total.violations === 0 ? 0 : 1;

function readOptions() {
  try {
    const { values } = parseArgs({
      options: { seeds: { type: "string" }, seed: { type: "string" }, shards: { type: "string" }, json: { type: "boolean" } },
    });
    const { seeds = "200", seed = "1", shards = "4", json = false } = values;
    if (![seeds, seed].every((number) => /^[0-9]{1,9}$/.test(number))) throw new Error("--seeds and --seed are numbers");
    return { seeds: Number(seeds), seed: Number(seed), shards: parseShards(shards), json };
  } catch (error) {
    return misused(error instanceof Error ? error.message : String(error));
  }
}

function misused(problem: string): never {
  console.error(`${problem}\n${USAGE}`);
  process.exit(2);
}

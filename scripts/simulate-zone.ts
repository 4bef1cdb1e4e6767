/**
 * `npm run simulate:zone`: native payments between facilitators that die, a sequencer that forgets and reorganises, and buyers who send their
 * payments themselves, all under a seed. Prints one line per violation with the seed that reproduces it. Exit code 1 when there was any.
 * Ctrl-C ends it after the seed that it plays, with the sums so far.
 */

import { parseArgs } from "node:util";
import { simulateZone } from "../test/zone/run.ts";

const USAGE = `Usage: npm run simulate:zone -- [options]
  --seeds N   how many runs (default 1000)
  --seed S    the first seed (default 1); with --seeds 1 it reproduces a run`;

const { seeds, seed } = readOptions();
const began = Date.now();
const sums = new Map<string, number>();
let violations = 0;
let played = 0;
const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
for (let i = seed; i < seed + seeds && !stop.signal.aborted; i++) {
  const run = await simulateZone(i);
  for (const [name, value] of Object.entries(run)) if (typeof value === "number") sums.set(name, (sums.get(name) ?? 0) + value);
  played++;
  violations += run.violations.length;
  for (const violation of run.violations) console.error(`seed ${i}: ${violation}`);
}
const seconds = ((Date.now() - began) / 1000).toFixed(1);
const { user, system } = process.cpuUsage();
const worked = ((user + system) / 1e6).toFixed(1);
const of = (name: string) => sums.get(name) ?? 0;
console.log(
  `${played} seeds in ${seconds} s, ${worked} processor seconds: ${of("events")} events, ${of("crashes")} crashes, ${of("sends")} sends, ${of("receipts")} receipts, ` +
    `${of("undone")} of them undone by a reorganisation, ${of("refusals")} refusals, ${of("never")} payments that never pay, ` +
    `${of("inconclusive")} left to a person, ${of("void")} void after a reset, ${violations} violations`,
);
process.exitCode = violations === 0 ? 0 : 1;

function readOptions() {
  try {
    const { values } = parseArgs({ options: { seeds: { type: "string" }, seed: { type: "string" } } });
    const { seeds = "1000", seed = "1" } = values;
    if (![seeds, seed].every((number) => /^[0-9]{1,9}$/.test(number))) throw new Error("--seeds and --seed are numbers");
    return { seeds: Number(seeds), seed: Number(seed) };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    process.exit(2);
  }
}

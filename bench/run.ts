/**
 * `npm run bench`: our paths beside the bare runtime and the official stack. Machines differ and are noisy, so read the ratios
 * within a round. Exits 1 when an answer is unexpected, or when recorded payments and paid answers differ.
 */

import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { workers } from "../scripts/build-workers.ts";
import { bundleSizes } from "../scripts/bundle-sizes.ts";
import { timeCli } from "./cli.ts";
import { measureColdStarts } from "./cold.ts";
import { measureGrowth, SIZES } from "./growth.ts";
import { PATHS } from "./paths.ts";
import { newPayer } from "./payments.ts";
import { reportOf } from "./report.ts";
import { newResults, type Results } from "./results.ts";
import { measureRounds } from "./rounds.ts";
import { countSyncs } from "./syncs.ts";

const USAGE = `Usage: npm run bench -- [options]
  --quick           one short round, about a minute in all; a look, not a result
  --growth          also pay on ledgers of up to a million payments; making them takes minutes, and 2 GB of the temporary directory
  --rounds N        rounds (default 5)
  --seconds N       of every burst (default 2.5)
  --only NAME,…     some paths, or some of the parts: syncs, cold, cli, bundles, growth
  --json FILE       write all figures there

A whole run, with neither --quick nor --only, writes bench/results.md.`;

const PAYERS = 64;
const COLD = ["bare", "402-ours", "402-official", "upfront", "authorization", "F"];
const STORING = ["A", "upfront", "authorization", "settle", "ledger-1", "ledger-4"];
const PARTS = ["syncs", "cold", "cli", "bundles", "growth"];

// The processes that were started end with this one.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));

const { quick = false, json, ...options } = readOptions();
const wanted = (name: string) => options.only?.includes(name) ?? (name === "growth" ? options.growth : true);
const pathsNamed = (names: readonly string[]) => PATHS.filter(({ name }) => names.includes(name));
const payers = Array.from({ length: PAYERS }, newPayer);
const results: Results = newResults();
const say = (line: string) => console.error(line);

const paths = PATHS.filter(({ name }) => wanted(name));
if (paths.length > 0) {
  const clientCounts = quick ? [1, 32] : [1, 32, 128];
  results.rounds = await measureRounds({ rounds: options.rounds, seconds: options.seconds, clientCounts }, paths, payers, say);
  results.problems.push(...results.rounds.problems);
}
if (wanted("syncs")) {
  say("disk syncs");
  const { counts, problems } = await countSyncs(pathsNamed(STORING), payers, quick ? [32] : [32, 128], quick ? 0.5 : options.seconds);
  results.syncs = counts;
  results.problems.push(...problems);
}
if (wanted("cold")) {
  say("cold starts");
  const starts = quick ? 1 : 9;
  const { cold, problems } = await measureColdStarts(pathsNamed(COLD), payers, starts);
  results.cold = { starts, measured: cold };
  results.problems.push(...problems);
}
if (wanted("cli")) {
  say("the CLI");
  const runs = quick ? 1 : 9;
  results.cli = { runs, timings: await timeCli(runs) };
}
if (wanted("bundles")) results.bundles = Object.fromEntries((await bundleSizes(workers())).map(({ name, bytes }) => [name, bytes]));
if (wanted("growth")) {
  say("growth");
  const { growth, problems } = await measureGrowth(SIZES, options.rounds, options.seconds, say);
  results.growth = growth;
  results.problems.push(...problems);
}

const report = reportOf(results);
console.log(report);
if (!quick && !options.only) {
  const file = fileURLToPath(new URL("results.md", import.meta.url));
  await writeFile(file, report);
  spawnSync("oxfmt", [file], { stdio: "inherit" });
}
if (json !== undefined) await writeFile(json, JSON.stringify(results, null, 2));
for (const problem of results.problems) console.error(problem);
process.exit(results.problems.length === 0 ? 0 : 1);

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        quick: { type: "boolean" },
        growth: { type: "boolean" },
        rounds: { type: "string" },
        seconds: { type: "string" },
        only: { type: "string" },
        json: { type: "string" },
      },
    });
    const { quick = false, rounds = quick ? "1" : "5", seconds = quick ? "0.6" : "2.5" } = values;
    if (!/^[1-9][0-9]?$/.test(rounds)) throw new Error("--rounds is a number from 1 to 99");
    if (!(Number(seconds) > 0 && Number(seconds) <= 60)) throw new Error("--seconds is a number up to 60");
    const only = values.only === undefined ? undefined : namesIn(values.only);
    return { ...values, only, rounds: Number(rounds), seconds: Number(seconds) };
  } catch (error) {
    return misused(error instanceof Error ? error.message : String(error));
  }
}

function namesIn(only: string): string[] {
  const known = [...PATHS.map(({ name }) => name), ...PARTS];
  const names = only.split(",");
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`--only does not know ${unknown.join(", ")}. It knows: ${known.join(", ")}`);
  return names;
}

function misused(problem: string): never {
  console.error(`${problem}\n${USAGE}`);
  process.exit(2);
}

/**
 * Runs a command and prints the processor seconds that it took, with all its children. The long test commands run under it, so
 * that their cost is seen wherever they run.
 *
 *     node scripts/ring.ts vitest run --config vitest.rings.config.ts mutants
 */

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { constants } from "node:os";

const [command = "", ...args] = process.argv.slice(2);
const began = performance.now();
const child = spawn(command, args, { stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));

child.once("error", (error) => {
  console.error(`${command}: ${error.message}`);
  process.exitCode = 1;
});
child.once("close", (code, signal) => {
  const seconds = (performance.now() - began) / 1000;
  console.log(`${[command, ...args].join(" ")}: ${seconds.toFixed(0)} s, ${childSeconds()} processor seconds`);
  process.exitCode = code ?? 128 + constants.signals[signal ?? "SIGTERM"];
});

/** User and system time of ended children and their children. Linux counts it, in hundredths of a second. */
function childSeconds(): string {
  try {
    const fields = readFileSync("/proc/self/stat", "latin1").split(") ")[1]?.split(" ") ?? [];
    return ((Number(fields[13]) + Number(fields[14])) / 100).toFixed(0);
  } catch {
    return "unknown";
  }
}

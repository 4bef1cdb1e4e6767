/**
 * `npm run torture`: the facilitator and the ledger in raw workerd on disk, killed at random while clients pay, sellers refund, and both
 * try again. Passes with 0 payments and refunds lost, 0 duplicated, no mandate's limit passed, no more refunded than was paid and the
 * supply exact; exit code 1 otherwise.
 */

import { passed, torture } from "../test/torture/torture.ts";
import { readTortureOptions } from "./torture-options.ts";

const USAGE = `Usage: npm run torture -- [options]
  --kills N    how often workerd is killed (default 150)
  --shards N   over how many shards the ledger is spread (default 4)
  --clients N  how many pay at a time (default 6)
  --json       one JSON line, and nothing else`;

const { json, ...options } = readTortureOptions(USAGE, "6");
const report = await torture(options);
if (json) {
  console.log(JSON.stringify(report));
} else {
  console.log(
    `${report.kills} kills in ${report.seconds} s over ${report.shards} shards: ${report.attempts} attempts, ${report.retries} retries, ` +
      `${report.acknowledged} acknowledged (${report.mandated} under mandates, ${report.exceeded} beyond a limit refused, ` +
      `${report.revoked} mandates revoked; ${report.charged} charged by use, ${report.uncharged} charged nothing), ` +
      `${report.refunded} refunded, ${report.overRefunds} refunds beyond a payment refused, ${report.lost} lost, ${report.duplicated} duplicated, ` +
      `supply ${report.supplyExact ? "exact" : "WRONG"}`,
  );
  for (const problem of report.problems.slice(0, 20)) console.error(problem);
}
process.exitCode = passed(report) ? 0 : 1;

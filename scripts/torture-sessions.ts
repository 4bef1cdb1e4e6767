/**
 * `npm run torture:sessions`: a merchant that sells by session, killed at random while buyers pay by vouchers. Passes if nothing was claimed
 * beyond what was signed, no more was lost than so many kills may cost, and the supply is exact; exit code 1 otherwise.
 */

import { passedSessions, tortureSessions } from "../test/torture/sessions.ts";
import { readTortureOptions } from "./torture-options.ts";

const USAGE = `Usage: npm run torture:sessions -- [options]
  --kills N    how often workerd is killed (default 150)
  --shards N   over how many shards the ledger is spread (default 4)
  --clients N  how many buyers pay at a time, each with four requests under way (default 4)
  --json       one JSON line, and nothing else`;

const { json: asJson, ...options } = readTortureOptions(USAGE, "4");
const report = await tortureSessions(options);
const { kills, seconds, shards, attempts, unheard, sessions, answered, served, claimed, signed, loss, mayLose } = report;
const text =
  `${kills} kills in ${seconds} s over ${shards} shards: ${attempts} requests in ${sessions} sessions, ${answered} answered, ${unheard} unheard; ` +
  `${served} units served, ${claimed} claimed, ${signed} signed; ${loss} lost of at most ${mayLose}; ` +
  `supply ${report.supplyExact ? "exact" : "WRONG"}; refused: ${JSON.stringify(report.refusals)}`;
console.log(asJson ? JSON.stringify(report, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value)) : text);
for (const problem of report.problems.slice(0, 20)) console.error(problem);
process.exitCode = passedSessions(report) ? 0 : 1;

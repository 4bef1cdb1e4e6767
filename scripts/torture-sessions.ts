/**
 * `npm run torture:sessions`: a merchant that sells by session, killed at random while buyers pay by vouchers. Passes if nothing was claimed
 * beyond what was signed, no more was lost than so many kills may cost, and the supply is exact; exit code 1 otherwise.
 */

import { parseArgs } from "node:util";
import { parseShards } from "../shared/ledger/shards.ts";
import { passedSessions, tortureSessions } from "../test/torture/sessions.ts";

const USAGE = `Usage: npm run torture:sessions -- [options]
  --kills N    how often workerd is killed (default 150)
  --shards N   over how many shards the ledger is spread (default 4)
  --clients N  how many buyers pay at a time, each with four requests under way (default 4)`;

const report = await tortureSessions(readOptions());
const { kills, seconds, shards, attempts, unheard, sessions, answered, served, claimed, signed, loss, mayLose } = report;
console.log(
  `${kills} kills in ${seconds} s over ${shards} shards: ${attempts} requests in ${sessions} sessions, ${answered} answered, ${unheard} unheard; ` +
    `${served} units served, ${claimed} claimed, ${signed} signed; ${loss} lost of at most ${mayLose}; ` +
    `supply ${report.supplyExact ? "exact" : "WRONG"}; refused: ${JSON.stringify(report.refusals)}`,
);
for (const problem of report.problems.slice(0, 20)) console.error(problem);
process.exitCode = passedSessions(report) ? 0 : 1;

function readOptions() {
  try {
    const { values } = parseArgs({ options: { kills: { type: "string" }, shards: { type: "string" }, clients: { type: "string" } } });
    const { kills = "150", shards = "4", clients = "4" } = values;
    if (![kills, clients].every((number) => /^[1-9][0-9]{0,4}$/.test(number))) throw new Error("--kills and --clients are numbers");
    return { kills: Number(kills), shards: parseShards(shards), clients: Number(clients) };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    process.exit(2);
  }
}

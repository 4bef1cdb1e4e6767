/** The options that both tortures share. */

import { parseArgs } from "node:util";
import { parseShards } from "../shared/ledger/shards.ts";

export interface TortureOptions {
  kills: number;
  shards: number;
  clients: number;
  json: boolean;
}

/** Reads the command line; ends the process with 2 and the usage if it cannot. @param clients how many there are by default */
export function readTortureOptions(usage: string, clients: string): TortureOptions {
  try {
    const { values } = parseArgs({
      options: { kills: { type: "string" }, shards: { type: "string" }, clients: { type: "string" }, json: { type: "boolean" } },
    });
    const { kills = "150", shards = "4", json = false } = values;
    const wanted = values.clients ?? clients;
    if (![kills, wanted].every((number) => /^[1-9][0-9]{0,4}$/.test(number))) throw new Error("--kills and --clients are numbers");
    return { kills: Number(kills), shards: parseShards(shards), clients: Number(wanted), json };
  } catch (error) {
    return misused(error instanceof Error ? error.message : String(error), usage);
  }
}

function misused(problem: string, usage: string): never {
  console.error(`${problem}\n${usage}`);
  process.exit(2);
}

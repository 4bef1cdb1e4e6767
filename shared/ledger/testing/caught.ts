/** Looks for a fault in the play that is recorded for it, and in a long search when that play misses it. */

import { appendFileSync } from "node:fs";
import * as fc from "fast-check";
import { PLAYS } from "./plays.ts";

const SEED = 1;

/**
 * The property finds the fault within `numRuns` plays. Throws when it does not, and when another play than the recorded one
 * finds it: the message says which play to record. `RECORD_PLAYS=FILE` searches from the first play and appends a line for each fault.
 */
export function catches(property: fc.IRawProperty<unknown>, key: string, numRuns: number): void {
  const record = process.env["RECORD_PLAYS"];
  const play = PLAYS[key];
  if (record === undefined && play !== undefined) {
    const replayed = fc.check(property as fc.IProperty<unknown>, { seed: SEED, path: String(play), endOnFailure: true });
    if (replayed.failed) return;
  }
  const searched = fc.check(property as fc.IProperty<unknown>, { seed: SEED, numRuns, endOnFailure: true });
  if (!searched.failed) throw new Error(`${numRuns} plays do not find the fault: ${key}`);
  const found = Number(searched.counterexamplePath?.split(":")[0]);
  if (record === undefined) throw new Error(`Record play ${found} in plays.ts for: ${key}`);
  appendFileSync(record, `  ${JSON.stringify(key)}: ${found},\n`);
}

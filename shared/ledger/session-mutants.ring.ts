/** `npm run mutants`: with sessions the rules do what their model does, and the model finds every fault that is put into a copy of them. */

import * as fc from "fast-check";
import { describe, test } from "vitest";
import { loadLedger } from "../../test/ledger-code.ts";
import { LedgerRules } from "./rules.ts";
import { catches } from "./testing/caught.ts";
import { property } from "./testing/model-check.ts";
import type { Mutant } from "./testing/mutants.ts";
import { SESSION_MUTANTS, SHARD_SESSION_MUTANTS } from "./testing/session-mutants.ts";

/** A fault is found after some hundreds of runs, the rarest after 3,000. */
const MOST_RUNS = 8000;

test.each([
  [1, 400],
  [4, 150],
])("over %i shards, with sessions, the rules do what the model does, in %i runs", (shards, numRuns) => {
  fc.assert(property(LedgerRules, shards, "sessions"), { numRuns });
});

describe.each([
  [1, SESSION_MUTANTS],
  [4, SHARD_SESSION_MUTANTS],
] as const)("over %i shards, in histories of sessions, the model finds the fault:", (shards, mutants) => {
  test.each<Mutant>(mutants)("$fault", async (mutant) => {
    const faulty = await loadLedger(mutant);
    catches(property(faulty.LedgerRules, shards, "sessions"), `sessions over ${shards}: ${mutant.fault}`, MOST_RUNS);
  });
});

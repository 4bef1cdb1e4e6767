/** `npm run mutants`: the rules do what their model does, and the model finds every fault that is put into a copy of them. */

import * as fc from "fast-check";
import { describe, test } from "vitest";
import { loadLedger } from "../../test/ledger-code.ts";
import { LedgerRules } from "./rules.ts";
import { catches } from "./testing/caught.ts";
import { property } from "./testing/model-check.ts";
import { CHARGE_MUTANTS, GROUP_MUTANTS, type Mutant, MUTANTS, SHARD_MUTANTS } from "./testing/mutants.ts";

/** A fault is found after some hundreds of runs, the rarest after 2,000. */
const MOST_RUNS = 8000;

test.each([
  [1, 250],
  [4, 120],
])("over %i shards, the rules do what the model does, in %i runs", (shards, numRuns) => {
  fc.assert(property(LedgerRules, shards), { numRuns });
});

describe.each([
  [1, [...MUTANTS, ...CHARGE_MUTANTS]],
  [4, SHARD_MUTANTS],
] as const)("over %i shards, the model finds the fault:", (shards, mutants) => {
  test.each<Mutant>(mutants)("$fault", async (mutant) => {
    const faulty = await loadLedger(mutant);
    catches(property(faulty.LedgerRules, shards), `over ${shards}: ${mutant.fault}`, MOST_RUNS);
  });
});

test.each([
  [1, 250],
  [4, 120],
])("over %i shards, in groups, the rules do what the model does, in %i runs", (shards, numRuns) => {
  fc.assert(property(LedgerRules, shards, "groups"), { numRuns });
});

describe("in groups, the model finds the fault:", () => {
  test.each<Mutant>(GROUP_MUTANTS)("$fault", async (mutant) => {
    const faulty = await loadLedger(mutant);
    catches(property(faulty.LedgerRules, 1, "groups"), `groups: ${mutant.fault}`, MOST_RUNS);
  });
});

/** `npm run mutants`: the model finds every fault that is put into a copy of the rules. */

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { loadLedger } from "../../test/ledger-code.ts";
import { property } from "./testing/model-check.ts";
import { type Mutant, MUTANTS, SHARD_MUTANTS } from "./testing/mutants.ts";

describe.each([
  [1, MUTANTS],
  [4, SHARD_MUTANTS],
])("over %i shards, the model finds the fault:", (shards, mutants) => {
  test.each<Mutant>(mutants)("$fault", async (mutant) => {
    const { LedgerRules } = await loadLedger(mutant);
    expect(fc.check(property(LedgerRules, shards), { seed: 1, numRuns: 2000, endOnFailure: true }).failed).toBe(true);
  });
});

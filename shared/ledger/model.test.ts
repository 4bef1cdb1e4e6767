import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { loadLedger } from "../../test/ledger-code.ts";
import { LedgerRules } from "./rules.ts";
import { property } from "./testing/model-check.ts";
import { MUTANTS, SHARD_MUTANTS } from "./testing/mutants.ts";

/** `npm run mutants` makes more. */
const RUNS: Record<number, number> = { 1: 100, 4: 50 };

describe.each(["payments", "mandates"] as const)("a history of %s:", (about) => {
  test.each([1, 4])("a ledger of %i shards does what its model does, whatever happens", (shards) => {
    fc.assert(property(LedgerRules, shards, about), { numRuns: RUNS[shards] ?? 0 });
  });
});

/** `npm run mutants` tries every fault. */
test.each([
  [1, MUTANTS],
  [4, SHARD_MUTANTS],
])("over %i shards, the model finds a fault in a copy with one, and none in a copy without", async (shards, [mutant]) => {
  const finds = async (code: ReturnType<typeof loadLedger>) =>
    fc.check(property((await code).LedgerRules, shards), { seed: 1, numRuns: 40, endOnFailure: true }).failed;
  expect([await finds(loadLedger()), await finds(loadLedger(mutant))]).toEqual([false, true]);
});

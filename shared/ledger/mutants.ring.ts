/** `npm run mutants`: the rules do what their model does, and the model finds every fault that is put into a copy of them. */

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { loadLedger } from "../../test/ledger-code.ts";
import { LedgerRules } from "./rules.ts";
import { property } from "./testing/model-check.ts";
import {
  CHARGE_MUTANTS,
  MANDATE_MUTANTS,
  type Mutant,
  MUTANTS,
  REFUND_MUTANTS,
  SHARD_MUTANTS,
  SHARD_REFUND_MUTANTS,
} from "./testing/mutants.ts";
import { refundProperty } from "./testing/refund-check.ts";

/** A fault is found after some hundreds of runs, the rarest after 2,000. */
const MOST_RUNS = 8000;

test.each([
  [1, 250],
  [4, 120],
])("over %i shards, the rules do what the model does, in %i runs", (shards, numRuns) => {
  fc.assert(property(LedgerRules, shards), { numRuns });
});

test("under mandates too, in 500 runs", () => {
  fc.assert(property(LedgerRules, 1, "mandates"), { numRuns: 500 });
});

describe.each([
  [1, "payments", MUTANTS],
  [1, "payments", CHARGE_MUTANTS],
  [4, "payments", SHARD_MUTANTS],
  [1, "mandates", MANDATE_MUTANTS],
] as const)("over %i shards, in histories of %s, the model finds the fault:", (shards, about, mutants) => {
  test.each<Mutant>(mutants)("$fault", async (mutant) => {
    const faulty = await loadLedger(mutant);
    expect(fc.check(property(faulty.LedgerRules, shards, about), { seed: 1, numRuns: MOST_RUNS, endOnFailure: true }).failed).toBe(true);
  });
});

test.each([
  [1, 300],
  [4, 150],
])("over %i shards, refunds go as the lists say, in %i runs", (shards, numRuns) => {
  fc.assert(refundProperty(LedgerRules, shards), { numRuns });
});

describe.each([
  [1, REFUND_MUTANTS],
  [4, SHARD_REFUND_MUTANTS],
] as const)("over %i shards, in histories of refunds, the lists find the fault:", (shards, mutants) => {
  test.each<Mutant>(mutants)("$fault", async (mutant) => {
    const faulty = await loadLedger(mutant);
    expect(fc.check(refundProperty(faulty.LedgerRules, shards), { seed: 1, numRuns: 1000, endOnFailure: true }).failed).toBe(true);
  });
});

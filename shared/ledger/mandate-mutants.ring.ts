/** `npm run mutants`: under mandates the rules do what their model does, and the model finds every fault that is put into a copy of them. */

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { loadLedger } from "../../test/ledger-code.ts";
import { LedgerRules } from "./rules.ts";
import { property } from "./testing/model-check.ts";
import { MANDATE_MUTANTS, type Mutant } from "./testing/mutants.ts";

/** A fault is found after some hundreds of runs, the rarest after 2,000. */
const MOST_RUNS = 8000;

test("in 500 runs, the rules do what the model does", () => {
  fc.assert(property(LedgerRules, 1, "mandates"), { numRuns: 500 });
});

describe("the model finds the fault:", () => {
  test.each<Mutant>(MANDATE_MUTANTS)("$fault", async (mutant) => {
    const faulty = await loadLedger(mutant);
    expect(fc.check(property(faulty.LedgerRules, 1, "mandates"), { seed: 1, numRuns: MOST_RUNS, endOnFailure: true }).failed).toBe(true);
  });
});

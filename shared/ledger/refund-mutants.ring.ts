/** `npm run mutants`: refunds go as plain lists of them say, and the lists find every fault that is put into a copy of the rules. */

import * as fc from "fast-check";
import { describe, test } from "vitest";
import { loadLedger } from "../../test/ledger-code.ts";
import { LedgerRules } from "./rules.ts";
import { catches } from "./testing/caught.ts";
import { type Mutant, REFUND_MUTANTS, SHARD_REFUND_MUTANTS } from "./testing/mutants.ts";
import { refundProperty } from "./testing/refund-check.ts";

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
    catches(refundProperty(faulty.LedgerRules, shards), `refunds over ${shards}: ${mutant.fault}`, 1000);
  });
});

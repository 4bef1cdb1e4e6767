import * as fc from "fast-check";
import { test } from "vitest";
import { LedgerRules } from "./rules.ts";
import { property } from "./testing/model-check.ts";

/** `npm run mutants` makes more, and tries whether the model finds faults. */
test.each([
  [1, 60],
  [4, 20],
])("in a history with sessions, a ledger of %i shards does what its model does, in %i runs", (shards, numRuns) => {
  fc.assert(property(LedgerRules, shards, "sessions"), { numRuns });
});

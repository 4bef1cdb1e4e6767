import * as fc from "fast-check";
import { test } from "vitest";
import { LedgerRules } from "./rules.ts";
import { refundProperty } from "./testing/refund-check.ts";

/** `npm run mutants` makes more, and tries whether faults are found. */
test.each([
  [1, 5],
  [4, 3],
])("over %i shards, a history of sales and refunds goes as the lists say", (shards, numRuns) => {
  fc.assert(refundProperty(LedgerRules, shards), { numRuns });
});

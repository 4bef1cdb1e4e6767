/** The ledger beside its model, in more histories than `npm test` has time for. */

import * as fc from "fast-check";
import { describe, test } from "vitest";
import { LedgerRules } from "./rules.ts";
import { property } from "./testing/model-check.ts";

const RUNS: Record<number, number> = { 1: 200, 4: 80 };

describe.each(["payments", "mandates", "sessions", "groups"] as const)("a history of %s:", (about) => {
  test.each([1, 4])("a ledger of %i shards does what its model does, whatever happens", (shards) => {
    fc.assert(property(LedgerRules, shards, about), { numRuns: RUNS[shards] ?? 0 });
  });
});

import * as fc from "fast-check";
import { describe, test } from "vitest";
import { LedgerRules } from "./rules.ts";
import { property } from "./testing/model-check.ts";

/** `npm run model` makes ten times as many, and `npm run mutants` tries whether the model finds faults. */
const RUNS: Record<number, number> = { 1: 20, 4: 8 };

describe.each(["payments", "mandates", "sessions", "groups"] as const)("a history of %s:", (about) => {
  test.each([1, 4])("a ledger of %i shards does what its model does, whatever happens", (shards) => {
    fc.assert(property(LedgerRules, shards, about), { numRuns: RUNS[shards] ?? 0 });
  });
});

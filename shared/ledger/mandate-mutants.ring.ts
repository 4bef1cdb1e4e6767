/** `npm run mutants`: under mandates the rules do what their model does, and the model finds every fault that is put into a copy of them. */

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { memoryStore } from "../../agent-cli/demo/memory-store.ts";
import { loadLedger } from "../../test/ledger-code.ts";
import type { Amount } from "../protocol/amount.ts";
import { LedgerRules } from "./rules.ts";
import { catches } from "./testing/caught.ts";
import { ALICE, captureOf, FIRST, idOf, openLedger, paymentOf, reserveOf, SECOND, settleOf, START } from "./testing/ledger.ts";
import { property } from "./testing/model-check.ts";
import { LATER_PERIOD_MUTANT, MANDATE_MUTANTS, type Mutant } from "./testing/mutants.ts";

/** A fault is found after some hundreds of runs, the rarest after 2,000. */
const MOST_RUNS = 8000;

test("in 500 runs, the rules do what the model does", () => {
  fc.assert(property(LedgerRules, 1, "mandates"), { numRuns: 500 });
});

describe("the model finds the fault:", () => {
  test.each<Mutant>(MANDATE_MUTANTS)("$fault", async (mutant) => {
    const faulty = await loadLedger(mutant);
    catches(property(faulty.LedgerRules, 1, "mandates"), `mandates: ${mutant.fault}`, MOST_RUNS);
  });
});

test(`a history by hand finds that ${LATER_PERIOD_MUTANT.fault}`, async () => {
  const seconds = 60;
  const period = { seconds, amount: "100" as Amount };
  const mandate = { digest: idOf(0xd1), grantedAt: START, validAfter: START, validBefore: START + 900, total: "200" as Amount, period };
  const metered = paymentOf({ nonce: idOf(1), value: "50" as Amount, scheme: "upto", mandate });
  const next = paymentOf({ nonce: idOf(2), value: "80" as Amount, mandate });
  const usedInTheNextPeriod = ({ LedgerRules: Rules }: { LedgerRules: typeof LedgerRules }) => {
    const store = memoryStore();
    openLedger(store);
    const rules = new Rules(store, { ledger: idOf(0), supply: 1n, at: START });
    rules.reserve(reserveOf(metered, FIRST, 2 * seconds), START);
    rules.settle(settleOf(next, SECOND), START + seconds);
    expect(rules.capture(captureOf(metered, FIRST, "10" as Amount), START + seconds)).toMatchObject({ ok: true, value: "10" });
    return rules.mandate(ALICE, mandate.digest, START + seconds);
  };
  expect(usedInTheNextPeriod({ LedgerRules })).toMatchObject({ settled: "90", period: { used: "80" } });
  expect(usedInTheNextPeriod(await loadLedger(LATER_PERIOD_MUTANT))).not.toMatchObject({ period: { used: "80" } });
});

/** `npm run mutants`: the simulation finds the faults that need a crash, a race or a clock to show. */

import { describe, expect, test } from "vitest";
import { CRASH_MUTANTS, type Mutant, MUTANTS } from "../../shared/ledger/testing/mutants.ts";
import { loadLedger } from "../ledger-code.ts";
import { simulate } from "./run.ts";

const RACES = ["time runs back", "a credit arrives twice"];

describe("the simulation finds the fault:", () => {
  test.each<Mutant>([...CRASH_MUTANTS, ...MUTANTS.filter(({ fault }) => RACES.includes(fault))])("$fault", async (mutant) => {
    const code = await loadLedger(mutant);
    for (let seed = 1; seed <= 400; seed++) if ((await simulate(seed, 4, code)).violations.length > 0) return;
    expect.unreachable("400 seeds without a violation");
  });
});

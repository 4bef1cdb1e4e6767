/** `npm run mutants`: the simulation finds every fault that is put into a copy of the rules of native payments. */

import { describe, expect, test } from "vitest";
import { loadZone, type ZoneMutant } from "./code.ts";
import { ZONE_MUTANTS } from "./mutants.ts";
import { simulateZone } from "./run.ts";

const MOST_SEEDS = 3000;

describe("the simulated sequencer finds the fault:", () => {
  test.each<ZoneMutant>(ZONE_MUTANTS)("$fault", async (mutant) => {
    const code = await loadZone(mutant);
    if (mutant.seed !== undefined && (await simulateZone(mutant.seed, code)).violations.length > 0) return;
    for (let seed = 1; seed <= MOST_SEEDS; seed++) if ((await simulateZone(seed, code)).violations.length > 0) return;
    expect.unreachable(`${MOST_SEEDS} seeds without a violation`);
  });
});

import { describe, expect, test } from "vitest";
import { loadLedger } from "../ledger-code.ts";
import { CRASH_MUTANTS, type Mutant, MUTANTS } from "../../shared/ledger/testing/mutants.ts";
import { simulate } from "./run.ts";

describe.each([1, 4])("over %i shards", (shards) => {
  test("nothing is lost, paid twice, or settled after it was called off", async () => {
    for (let seed = 1; seed <= 20; seed++) {
      expect(await simulate(seed, shards), `seed ${seed}`).toMatchObject({ violations: [], acknowledged: expect.any(Number) });
    }
  });
});

test("a seed reproduces a run, and another seed is another run", async () => {
  const first = await simulate(7, 4);
  expect(await simulate(7, 4)).toEqual(first);
  expect(await simulate(8, 4)).not.toMatchObject({ events: first.events });
});

test("a run is worth something: machines crash, payments arrive, others are called off", async () => {
  const { crashes, acknowledged, calledOff } = await simulate(3, 4);
  expect(Math.min(crashes, acknowledged, calledOff)).toBeGreaterThan(0);
});

/** Faults of the rules that need a crash, a race or a clock to show. */
const RACES = ["time runs back", "a credit arrives twice"];

describe("the simulation finds the fault:", () => {
  test.each<Mutant>([...CRASH_MUTANTS, ...MUTANTS.filter(({ fault }) => RACES.includes(fault))])("$fault", async (mutant) => {
    const code = await loadLedger(mutant);
    for (let seed = 1; seed <= 400; seed++) if ((await simulate(seed, 4, code)).violations.length > 0) return;
    expect.unreachable("400 seeds without a violation");
  });
});

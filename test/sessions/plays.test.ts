/** Chance plays with the rules of a merchant's sessions; `npm run sessions` has 20,000 of them. */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { loadSessions, pathOf } from "./code.ts";
import { SESSION_MUTANTS } from "./mutants.ts";
import { play } from "./world.ts";

const PLAYS = 400;

test("machines die and messages are lost: nothing is granted, claimed or served twice beyond deposit and signature [sessions-plays]", async () => {
  const code = await loadSessions();
  let served = 0;
  for (let seed = 1; seed <= PLAYS; seed++) {
    const { violations, served: count } = play(seed, code);
    expect(violations, `seed ${seed}`).toEqual([]);
    served += count;
  }
  expect(served).toBeGreaterThan(8 * PLAYS);
});

test("every fault has one place in today's rules", () => {
  const source = (path: string) => readFileSync(new URL(`../../${path}.ts`, import.meta.url), "utf8");
  const lost = SESSION_MUTANTS.filter((mutant) => source(pathOf(mutant)).split(mutant.find).length !== 2);
  expect(lost.map(({ fault, find }) => `${fault}: ${find}`)).toEqual([]);
});

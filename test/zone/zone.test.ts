/** Native payments over a simulated sequencer; `npm run simulate:zone` plays many more seeds, and `npm run mutants` puts faults in. */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { pathOf } from "./code.ts";
import { BRANCH_MUTANT, HEAD_MUTANT, SCREEN_MUTANT, UNDONE_MUTANTS, ZONE_MUTANTS } from "./mutants.ts";
import { simulateZone } from "./run.ts";

test("machines die, blocks leave, payers cheat: every receipt is paid, and nothing is refused that may pay [native-simulation]", async () => {
  let receipts = 0;
  for (let seed = 1; seed <= 3; seed++) {
    const run = await simulateZone(seed);
    expect(run.violations, `seed ${seed}`).toEqual([]);
    receipts += run.receipts;
  }
  expect(receipts).toBeGreaterThan(3);
});

test("a block with a credit comes and leaves while the account is read: nothing is taken for covered that is not", async () => {
  for (const seed of [23_181, 23_430]) expect((await simulateZone(seed)).violations, `seed ${seed}`).toEqual([]);
});

test("a machine that dies before it tells of a lost receipt tells of it afterwards", async () => {
  expect((await simulateZone(4575)).violations).toEqual([]);
});

test("a seed reproduces a run", async () => {
  expect(await simulateZone(7)).toEqual(await simulateZone(7));
});

test("every fault has one place in today's rules", () => {
  const source = (path: string) => readFileSync(new URL(`../../${path}.ts`, import.meta.url), "utf8");
  const mutants = [...ZONE_MUTANTS, BRANCH_MUTANT, HEAD_MUTANT, ...UNDONE_MUTANTS].map((mutant) => ({ ...mutant, file: pathOf(mutant) }));
  const lost = [...mutants, SCREEN_MUTANT].filter(({ file, find }) => source(file).split(find).length !== 2);
  expect(lost.map(({ fault, find }) => `${fault}: ${find}`)).toEqual([]);
});

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import {
  CHARGE_MUTANTS,
  CRASH_MUTANTS,
  GROUP_MUTANTS,
  LATER_PERIOD_MUTANT,
  MANDATE_MUTANTS,
  type Mutant,
  MUTANTS,
  REFUND_MUTANTS,
  SHARD_MUTANTS,
  SHARD_REFUND_MUTANTS,
} from "./testing/mutants.ts";
import { SESSION_MUTANTS, SHARD_SESSION_MUTANTS } from "./testing/session-mutants.ts";

const ALL: readonly Mutant[] = [
  ...MUTANTS,
  ...CHARGE_MUTANTS,
  ...GROUP_MUTANTS,
  ...SHARD_MUTANTS,
  ...MANDATE_MUTANTS,
  LATER_PERIOD_MUTANT,
  ...REFUND_MUTANTS,
  ...SHARD_REFUND_MUTANTS,
  ...SESSION_MUTANTS,
  ...SHARD_SESSION_MUTANTS,
  ...CRASH_MUTANTS,
];

/** `npm run mutants` puts each fault there, and finds it. */
test("every fault has one place in today's rules", () => {
  const source = (file: string) => readFileSync(new URL(`${file}.ts`, import.meta.url), "utf8");
  const lost = ALL.filter(({ file, find }) => source(file).split(find).length !== 2);
  expect(lost.map(({ fault, find }) => `${fault}: ${find}`)).toEqual([]);
});

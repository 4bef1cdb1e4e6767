/** `npm run sessions`: many chance plays with the rules of a merchant's sessions, and every fault that is put into a copy of them is found. */

import { describe, expect, test } from "vitest";
import { loadSessions, type SessionMutant } from "./code.ts";
import { SESSION_MUTANTS } from "./mutants.ts";
import { play } from "./world.ts";

const PLAYS = Number(process.env["PLAYS"] ?? 20_000);
/** The rarest fault is found after some 3,000 plays, most of them after ten. */
const MOST_PLAYS = 20_000;

test(`${PLAYS} plays: nothing is granted, claimed or served twice beyond deposit and signature`, async () => {
  const code = await loadSessions();
  for (let seed = 1; seed <= PLAYS; seed++) expect(play(seed, code).violations, `seed ${seed}`).toEqual([]);
});

describe("the plays find the fault:", () => {
  test.each<SessionMutant>(SESSION_MUTANTS)("$fault", async (mutant) => {
    const code = await loadSessions(mutant);
    for (let seed = 1; seed <= MOST_PLAYS; seed++) if (play(seed, code).violations.length > 0) return;
    expect.unreachable(`${MOST_PLAYS} plays without a violation`);
  });
});

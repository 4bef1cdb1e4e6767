/**
 * Rounds over fresh stores. Each round measures all paths once per number of clients, both in random order: compared paths run
 * within a minute of each other, and noise of the machine hits all of them.
 */

import { Course, type Sample } from "./burst.ts";
import { ON_CORES } from "./cores.ts";
import type { Path } from "./paths.ts";
import type { Payer } from "./payments.ts";
import { type Site, type SiteName, SITES } from "./sites.ts";
import { shuffled } from "./statistics.ts";

export interface RoundsPlan {
  rounds: number;
  seconds: number;
  clientCounts: readonly number[];
}

export interface Measured extends Sample {
  round: number;
  path: string;
  clients: number;
}

export interface Rounds extends RoundsPlan {
  paths: { name: string; what: string }[];
  measured: Measured[];
  /** Reasons for the run to fail. */
  problems: string[];
}

const WARM = { clients: 16, seconds: 0.7 };

export async function measureRounds(
  plan: RoundsPlan,
  paths: readonly Path[],
  payers: readonly Payer[],
  say: (line: string) => void,
): Promise<Rounds> {
  const measured: Measured[] = [];
  const problems: string[] = [];
  for (let round = 1; round <= plan.rounds; round++) {
    const sites = new Map<SiteName, Site>();
    try {
      for (const { site } of paths) if (!sites.has(site)) sites.set(site, await SITES[site]({ payers, under: ON_CORES.workerd }));
      const courses = paths.flatMap((path) => {
        const site = sites.get(path.site);
        return site ? [new Course(path, site, payers)] : [];
      });
      for (const course of courses) problems.push(...(await course.run(WARM.clients, WARM.seconds)).problems);
      for (const clients of shuffled(plan.clientCounts)) {
        for (const course of shuffled(courses)) {
          const sample = await course.run(clients, plan.seconds);
          measured.push({ round, path: course.path.name, clients, ...sample });
          problems.push(...sample.problems);
          say(
            `round ${round}  ${course.path.name.padEnd(18)} ${String(clients).padStart(3)} clients ${String(sample.perSecond).padStart(6)}/s`,
          );
        }
      }
    } finally {
      for (const site of sites.values()) await site.stop();
    }
  }
  return { ...plan, paths: paths.map(({ name, what }) => ({ name, what })), measured, problems };
}

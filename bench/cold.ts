/** The first request to a fresh workerd: what a buyer meets after a deployment. */

import { problemsOf } from "./burst.ts";
import { ON_CORES } from "./cores.ts";
import { runLoad } from "./load.ts";
import { type Path, requestsOf } from "./paths.ts";
import type { Payer } from "./payments.ts";
import { type Site, SITES } from "./sites.ts";
import { median, shuffled } from "./statistics.ts";

export interface ColdStart {
  path: string;
  /** Median milliseconds from the start of the process until its sockets listen. */
  listening: number;
  /** Median milliseconds from sending the first request to its answer. */
  first: number;
}

interface Candidate {
  path: Path;
  site: Site;
  requests: string[];
  listening: number[];
  first: number[];
}

/** Starts every path `starts` times, interleaved in random order. Stores are kept between starts: payers are funded. */
export async function measureColdStarts(paths: readonly Path[], payers: readonly Payer[], starts: number) {
  const candidates: Candidate[] = [];
  const problems: string[] = [];
  try {
    for (const path of paths) {
      const site = await SITES[path.site]({ payers, under: ON_CORES.workerd });
      candidates.push({ path, site, requests: [], listening: [], first: [] });
    }
    for (const candidate of candidates) candidate.requests = await requestsOf(candidate.path, candidate.site, payers, starts);
    for (const { site } of candidates) await kill(site);
    for (let round = 0; round < starts; round++) {
      for (const candidate of shuffled(candidates)) problems.push(...(await startOnce(candidate)));
    }
  } finally {
    for (const { site } of candidates) await site.stop();
  }
  const cold = candidates.map(({ path, listening, first }): ColdStart => ({
    path: path.name,
    listening: median(listening),
    first: median(first),
  }));
  return { cold, problems };
}

async function startOnce({ path, site, requests, listening, first }: Candidate): Promise<string[]> {
  const spawned = performance.now();
  for (const workerd of site.workerds) await workerd.start(ON_CORES.workerd);
  listening.push(Math.round(performance.now() - spawned));
  const request = requests.pop();
  const plan = { port: Number(new URL(site.origin).port), clients: 1, seconds: 10, repeat: false, expected: path.expected };
  const result = await runLoad({ ...plan, requests: request === undefined ? [] : [request] });
  first.push(result.p50);
  await kill(site);
  return problemsOf(path, result, undefined).map((problem) => `${path.name}, first request: ${problem}`);
}

async function kill({ workerds }: Site): Promise<void> {
  for (const workerd of workerds) await workerd.kill();
}

/** The results of one run. Anything not measured is absent. */

import { cpus, totalmem } from "node:os";
import packageJson from "../package.json" with { type: "json" };
import { WORKERD_VERSION } from "../scripts/workerd.ts";
import type { CliTiming } from "./cli.ts";
import type { ColdStart } from "./cold.ts";
import { ON_CORES } from "./cores.ts";
import type { Growth } from "./growth.ts";
import type { Measured, Rounds } from "./rounds.ts";
import { median } from "./statistics.ts";
import type { SyncCount } from "./syncs.ts";

export interface Results {
  date: string;
  machine: string;
  versions: Record<string, string>;
  /** workerd and the load had processor cores of their own. */
  pinned: boolean;
  rounds?: Rounds;
  /** Empty where they cannot be counted. */
  syncs?: SyncCount[];
  cold?: { starts: number; measured: ColdStart[] };
  cli?: { runs: number; timings: CliTiming[] };
  /** Bytes, minified and gzipped. */
  bundles?: Record<string, number>;
  growth?: Growth[];
  /** Reasons for the run to fail. */
  problems: string[];
}

export function newResults(): Results {
  const [cpu] = cpus();
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus().length} × ${cpu?.model.trim() ?? "?"}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform}`,
    versions: { node: process.versions.node, workerd: WORKERD_VERSION, ...pinnedVersions(["@x402/core", "@x402/hono", "hono"]) },
    pinned: ON_CORES.load.length > 0,
    problems: [],
  };
}

/** A path's results per round. */
export function samples({ measured }: Rounds, path: string, clients: number): Measured[] {
  return measured.filter((sample) => sample.path === path && sample.clients === clients);
}

/** The ratio of two paths within each round, in answers per second or another figure. */
export function ratios(
  rounds: Rounds,
  path: string,
  other: string,
  clients: number,
  of = ({ perSecond }: Measured) => perSecond,
): number[] {
  const others = samples(rounds, other, clients);
  return samples(rounds, path, clients).flatMap((sample) => {
    const peer = others.find(({ round }) => round === sample.round);
    return peer ? [of(sample) / of(peer)] : [];
  });
}

export function medianRatio(
  rounds: Rounds | undefined,
  path: string,
  other: string,
  clients: number,
  of?: (sample: Measured) => number,
): number {
  return rounds ? median(ratios(rounds, path, other, clients, of)) : Number.NaN;
}

/** Dependencies are pinned, so package.json has the installed versions. */
function pinnedVersions(names: readonly string[]): Record<string, string> {
  const { dependencies, devDependencies } = packageJson as Record<"dependencies" | "devDependencies", Record<string, string>>;
  return Object.fromEntries(names.map((name) => [name, { ...dependencies, ...devDependencies }[name] ?? "?"]));
}

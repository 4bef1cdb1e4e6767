/** Disk flushes per payment: workerd's fsync and fdatasync calls per answer, counted by strace in a burst of their own. */

import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Course } from "./burst.ts";
import { ON_CORES } from "./cores.ts";
import type { Path } from "./paths.ts";
import type { Payer } from "./payments.ts";
import { SITES } from "./sites.ts";
import { temporaryDirectory } from "./temporary.ts";

export interface SyncCount {
  path: string;
  clients: number;
  perAnswer: number;
}

/** The filter in the kernel leaves every other system call at its speed; the tracer as a grandchild leaves workerd ours to kill. */
const STRACE = ["strace", "-D", "-f", "-qq", "--seccomp-bpf", "-e", "trace=fsync,fdatasync"];

/** Counts nothing without strace, or without permission to use it. */
export async function countSyncs(paths: readonly Path[], payers: readonly Payer[], clientCounts: readonly number[], seconds: number) {
  const counts: SyncCount[] = [];
  const problems: string[] = [];
  if (!mayTrace()) return { counts, problems };
  const log = join(temporaryDirectory(), "strace");
  for (const path of paths) {
    const site = await SITES[path.site]({ payers, under: [...STRACE, "-o", log, ...ON_CORES.workerd] });
    try {
      const course = new Course(path, site, payers);
      await course.run(8, 0.5); // warm
      for (const clients of clientCounts) {
        const before = { syncs: await syncsIn(log), answered: course.answered };
        problems.push(...(await course.run(clients, seconds)).problems);
        const perAnswer = ((await syncsIn(log)) - before.syncs) / (course.answered - before.answered);
        counts.push({ path: path.name, clients, perAnswer });
      }
    } finally {
      await site.stop();
    }
  }
  return { counts, problems };
}

function mayTrace(): boolean {
  return spawnSync("strace", ["-f", "--seccomp-bpf", "-o", "/dev/null", "true"]).status === 0;
}

/** An interrupted call has a second line, which says "resumed". */
async function syncsIn(log: string): Promise<number> {
  return (await readFile(log, "latin1")).match(/ f(?:data)?sync\(/g)?.length ?? 0;
}

/** One burst of load on one path, and the checks of its result. */

import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Workerd } from "../scripts/workerd.ts";
import { ON_CORES } from "./cores.ts";
import type { LoadPlan, LoadResult } from "./load.ts";
import { type Path, requestsOf } from "./paths.ts";
import type { Payer } from "./payments.ts";
import type { Site } from "./sites.ts";

export interface Sample extends LoadResult {
  /** Microseconds of workerd's processor time per answer; undefined where the system does not count it. */
  cpu: number | undefined;
  /** Unexpected answers, and answers without a recorded payment or payments without an answer. */
  problems: string[];
}

/** A path on its site, ready for any number of bursts. */
export class Course {
  readonly path: Path;
  readonly site: Site;
  /** Expected answers of all its bursts. */
  answered = 0;
  readonly #payers: readonly Payer[];
  readonly #timeout: number;
  readonly #firstGuess: number;
  /** The best rate so far: the next burst signs that many payments. */
  #best: number | undefined;

  /** @param timeout milliseconds until the recorded payments must match */
  constructor(path: Path, site: Site, payers: readonly Payer[], { timeout = 5000, firstGuess = 1500 } = {}) {
    this.path = path;
    this.site = site;
    this.#payers = payers;
    this.#timeout = timeout;
    this.#firstGuess = firstGuess;
  }

  /** A burst that ran out of payments tells nothing: repeat it with as many as it needs. */
  async run(clients: number, seconds: number): Promise<Sample> {
    for (;;) {
      const sample = await this.#once(clients, seconds);
      const ranOut = this.path.prepare && sample.seconds < LONG_ENOUGH * seconds;
      if (!ranOut || sample.problems.length > 0) return sample;
    }
  }

  async #once(clients: number, seconds: number): Promise<Sample> {
    const { path, site } = this;
    const enough = Math.ceil((this.#best ?? this.#firstGuess) * seconds * HEADROOM);
    const requests = await requestsOf(path, site, this.#payers, path.prepare ? enough : 1);
    const before = await site.transfers?.();
    const cpuBefore = await cpuMillis(site.workerds);
    const result = await load({
      port: Number(new URL(site.origin).port),
      clients,
      seconds,
      requests,
      repeat: !path.prepare,
      expected: path.expected,
    });
    const cpuAfter = await cpuMillis(site.workerds);
    const moved = before === undefined ? undefined : (await this.#transfersNow(before + (path.pays ? result.answered : 0))) - before;
    this.answered += result.answered;
    this.#best = Math.max(this.#best ?? 0, result.perSecond);
    const cpu =
      cpuBefore === undefined || cpuAfter === undefined ? undefined : Math.round(((cpuAfter - cpuBefore) * 1000) / result.answered);
    return { ...result, cpu, problems: problemsOf(path, result, moved).map((problem) => `${path.name}, ${clients} clients: ${problem}`) };
  }

  /** The record once it matches, or at the timeout. */
  async #transfersNow(expected: number): Promise<number> {
    const deadline = Date.now() + this.#timeout;
    for (;;) {
      const transfers = (await this.site.transfers?.()) ?? Number.NaN;
      if (transfers === expected || Date.now() > deadline) return transfers;
      await sleep(100);
    }
  }
}

const HEADROOM = 1.5;
const LONG_ENOUGH = 0.8;

/** @param moved new payments on the site's record; undefined if it keeps none */
export function problemsOf(path: Pick<Path, "pays">, { answered, unexpected }: LoadResult, moved: number | undefined): string[] {
  const problems = Object.entries(unexpected).map(([answer, count]) => `${count} times ${answer}`);
  if (answered === 0) problems.push("no answer that counts");
  const owed = path.pays ? answered : 0;
  if (moved !== undefined && moved !== owed) problems.push(`${answered} answers, ${moved} transfers`);
  return problems;
}

async function load(plan: LoadPlan): Promise<LoadResult> {
  const [command, ...args] = [...ON_CORES.load, process.execPath, fileURLToPath(new URL("load.ts", import.meta.url))];
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.end(JSON.stringify(plan));
  return JSON.parse(await text(child.stdout)) as LoadResult;
}

/** User and system time of all threads so far. Linux counts in hundredths of a second. */
async function cpuMillis(workerds: readonly Workerd[]): Promise<number | undefined> {
  try {
    const stats = await Promise.all(workerds.map(({ pid }) => readFile(`/proc/${pid}/stat`, "latin1")));
    const times = stats.map((stat) => stat.slice(stat.lastIndexOf(")") + 2).split(" "));
    return times.reduce((sum, fields) => sum + 10 * (Number(fields[11]) + Number(fields[12])), 0);
  } catch {
    return undefined;
  }
}

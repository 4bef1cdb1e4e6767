/** One burst of load on one path, and everything that could be wrong with it. */
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Workerd } from "../scripts/workerd.ts";
import type { LoadPlan, LoadResult } from "./load.ts";
import { type Path, requestsOf } from "./paths.ts";
import type { Payer } from "./payments.ts";
import { ON_CORES, type Site } from "./sites.ts";

export interface Sample extends LoadResult {
  /** Microseconds of processor time of workerd per answer; undefined where the system does not say. */
  cpu: number | undefined;
  /** Of an unexpected answer, or of payments that were answered and are not on record or the other way round. */
  problems: string[];
}

/** A path on its site, ready to be measured again and again. */
export class Course {
  readonly path: Path;
  readonly site: Site;
  readonly #payers: readonly Payer[];
  /** The best rate so far tells how many payments to sign for the next burst. */
  #perSecond = FIRST_GUESS;

  constructor(path: Path, site: Site, payers: readonly Payer[]) {
    this.path = path;
    this.site = site;
    this.#payers = payers;
  }

  /** A burst that ran out of payments before its time was too short to tell: it is done again, with as many as it showed to need. */
  async run(clients: number, seconds: number): Promise<Sample> {
    for (;;) {
      const sample = await this.#once(clients, seconds);
      const ranOut = this.path.prepare && sample.seconds < LONG_ENOUGH * seconds;
      if (!ranOut || sample.problems.length > 0) return sample;
    }
  }

  async #once(clients: number, seconds: number): Promise<Sample> {
    const { path, site } = this;
    const requests = await requestsOf(path, site, this.#payers, path.prepare ? Math.ceil(this.#perSecond * seconds * HEADROOM) : 1);
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
    const moved = before === undefined ? undefined : (await transfersAfter(site, before + (path.pays ? result.answered : 0))) - before;
    this.#perSecond = this.#perSecond === FIRST_GUESS ? result.perSecond : Math.max(this.#perSecond, result.perSecond);
    const cpu =
      cpuBefore === undefined || cpuAfter === undefined ? undefined : Math.round(((cpuAfter - cpuBefore) * 1000) / result.answered);
    return { ...result, cpu, problems: problemsOf(path, result, moved).map((problem) => `${path.name}, ${clients} clients: ${problem}`) };
  }
}

/** Payments per second, before anything was measured. */
const FIRST_GUESS = 1500;
const HEADROOM = 1.5;
const LONG_ENOUGH = 0.8;
const PATIENCE_MILLIS = 5000;

/** @param moved payments that are new on the site's record; undefined when it keeps none */
export function problemsOf(path: Pick<Path, "pays">, { answered, unexpected }: LoadResult, moved: number | undefined): string[] {
  const problems = Object.entries(unexpected).map(([answer, count]) => `${count} times ${answer}`);
  if (answered === 0) problems.push("no answer that counts");
  const owed = path.pays ? answered : 0;
  if (moved !== undefined && moved !== owed) problems.push(`${answered} answers, ${moved} transfers`);
  return problems;
}

/** The record once it is what it should be, or once there is no more hope. */
async function transfersAfter(site: Site, expected: number): Promise<number> {
  const deadline = Date.now() + PATIENCE_MILLIS;
  for (;;) {
    const transfers = (await site.transfers?.()) ?? Number.NaN;
    if (transfers === expected || Date.now() > deadline) return transfers;
    await sleep(100);
  }
}

async function load(plan: LoadPlan): Promise<LoadResult> {
  const [command, ...args] = [...ON_CORES.load, process.execPath, fileURLToPath(new URL("load.ts", import.meta.url))];
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.end(JSON.stringify(plan));
  return JSON.parse(await text(child.stdout)) as LoadResult;
}

/** User and system time of all threads so far. Linux counts it in hundredths of a second. */
async function cpuMillis(workerds: readonly Workerd[]): Promise<number | undefined> {
  try {
    const stats = await Promise.all(workerds.map(({ pid }) => readFile(`/proc/${pid}/stat`, "latin1")));
    const times = stats.map((stat) => stat.slice(stat.lastIndexOf(")") + 2).split(" "));
    return times.reduce((sum, fields) => sum + 10 * (Number(fields[11]) + Number(fields[12])), 0);
  } catch {
    return undefined;
  }
}

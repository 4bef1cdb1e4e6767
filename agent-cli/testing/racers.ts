/** Processes that run command lines at once, and start only when each of them has read a state without the others' changes. */

import { type ChildProcessByStdio, spawn } from "node:child_process";
import { rmSync, watch, writeFileSync } from "node:fs";
import { createInterface, type Interface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { afterAll } from "vitest";
import type { Envelope, Sandbox } from "./cli.ts";
import { RACER, type RacerRun } from "./race.ts";

/** A process that runs command lines in the directory of a sandbox. */
export class Racer {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;
  readonly pid: number;

  constructor({ env }: Sandbox) {
    this.#child = spawn(process.execPath, [RACER], { env: { ...process.env, ...env }, stdio: ["pipe", "pipe", "ignore"] });
    this.pid = this.#child.pid ?? 0;
    const lines: Interface = createInterface({ input: this.#child.stdout });
    this.#lines = lines[Symbol.asyncIterator]();
    afterAll(() => this.#child.stdin.end());
  }

  /** It says `ready` first. */
  async line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error("the racer ended");
    return value;
  }

  async run(argv: readonly string[]): Promise<Envelope & { exit: number }> {
    this.#child.stdin.write(`${JSON.stringify(argv)}\n`);
    const { exit, stdout } = JSON.parse(await this.line()) as RacerRun;
    return { ...(JSON.parse(stdout) as Envelope), exit };
  }
}

/** Holds the lock of a state directory until all these processes have come to it: each has then read what was there before. */
export async function startTogether(box: Sandbox, pids: readonly number[]): Promise<void> {
  const home = box.path("home");
  writeFileSync(`${home}/lock`, String(process.pid));
  const waiting = new Set(pids.map((pid) => `lock.${pid}`));
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const watcher = watch(home, (_, name) => {
    waiting.delete(name ?? "");
    if (waiting.size === 0) resolve(undefined);
  });
  await promise;
  watcher.close();
  rmSync(`${home}/lock`);
}

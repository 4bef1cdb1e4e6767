/**
 * One of several processes that change the state directory at once. With a name and a number it appends so many entries to the
 * audit log. Without arguments it runs the command lines that it reads, each as one line of JSON, and answers with one line each.
 */

import { createInterface } from "node:readline";
import { PassThrough } from "node:stream";
import { record } from "../records/audit-log.ts";
import { contextFor } from "../runtime/context.ts";
import { processIo } from "../runtime/io.ts";

/** To be run by node. */
export const RACER = import.meta.filename;

/** What a racer answers to one command line. */
export interface RacerRun {
  exit: number;
  stdout: string;
}

if (import.meta.main) {
  const [name, count = "1"] = process.argv.slice(2);
  if (name === undefined) await runLines();
  else await appendEntries(name, Number(count));
}

async function appendEntries(name: string, count: number): Promise<void> {
  const context = contextFor(processIo(), [], true);
  for (let i = 0; i < count; i++) {
    const written = await record(context, "requested", { by: name, i: String(i) });
    if (!written.ok) throw new Error(written.error.message);
  }
}

async function runLines(): Promise<void> {
  const { main } = await import("../main.ts");
  const { env, stderr } = process;
  process.stdout.write("ready\n");
  for await (const line of createInterface({ input: process.stdin })) {
    const [stdin, stdout] = [new PassThrough(), new PassThrough()];
    const exit = await main(JSON.parse(line) as string[], { stdin, stdout, stderr, env, signal: new AbortController().signal });
    const run: RacerRun = { exit, stdout: String(stdout.read() ?? "") };
    process.stdout.write(`${JSON.stringify(run)}\n`);
  }
}

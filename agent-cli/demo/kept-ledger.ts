/** The folder of a kept ledger: one stack at a time runs on it, with the number of shards that the ledger was made with. */

import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import * as z from "zod";
import type { CommandContext } from "../command-line/command.ts";
import { holding } from "../runtime/lock.ts";
import { fail, type Failure, type Outcome } from "../runtime/outcome.ts";
import { readState, writeState } from "../runtime/state-file.ts";
import type { Stack } from "./stack.ts";

/** Beside the databases. Folders of version 0.1 have none until a stack has run on them. */
const FORMAT = {
  kind: "kept-ledger",
  what: "record of the kept ledger",
  schema: z.strictObject({ ledger: z.string(), shards: z.number() }),
};
const FILE = "ledger.json";

/**
 * Starts a stack on the ledger in `folder`. The folder is this stack's until the command is over.
 * @param wanted the number of shards; undefined takes the ledger's own, or 1 for a new one
 */
export async function onKeptLedger(
  context: CommandContext,
  folder: string,
  wanted: number | undefined,
  start: (shards: number) => Promise<Outcome<Stack>>,
): Promise<Outcome<Stack>> {
  fs.mkdirSync(folder, { recursive: true });
  const started = Promise.withResolvers<Outcome<Stack>>();
  const over = Promise.withResolvers<void>();
  const held = holding(path.join(folder, "lock"), { seconds: 0, signal: context.io.signal }, ledgerInUse, async () => {
    started.resolve(await startAlone(folder, wanted, start));
    await over.promise;
  });
  void held.then((failure) => failure && started.resolve(failure));
  const outcome = await started.promise;
  context.atEnd(async () => {
    over.resolve();
    await held;
  });
  return outcome;
}

async function startAlone(
  folder: string,
  wanted: number | undefined,
  start: (shards: number) => Promise<Outcome<Stack>>,
): Promise<Outcome<Stack>> {
  const [orphan] = workerdsIn(folder);
  if (orphan !== undefined) return leftRunning(orphan, folder);
  const file = path.join(folder, FILE);
  const kept = readState(file, FORMAT);
  if (!kept.ok && !kept.missing) return kept;
  const shards = wanted ?? (kept.ok ? kept.data.shards : 1);
  if (kept.ok && kept.data.shards !== shards) return otherShards(folder, kept.data.shards, shards);
  const isOld = fs.existsSync(path.join(folder, "do"));
  const started = await start(shards);
  if (!started.ok) return !kept.ok && isOld && started.error.code === "not_started" ? notOpened(folder, shards) : started;
  if (!kept.ok) {
    const written = writeState(file, FORMAT, { ledger: started.data.ledger, shards });
    if (!written.ok) return written;
  }
  return started;
}

function ledgerInUse(holder: number | undefined): Failure {
  return fail("busy", `Another stack (process ${holder ?? "unknown"}) runs on this ledger.`, {
    hint: "Stop it, or name another folder with --persist.",
  });
}

function leftRunning(pid: number, folder: string): Failure {
  return fail("busy", `A workerd (process ${pid}) still has the ledger in "${folder}" open. The stack that started it was killed.`, {
    hint: `End it, then run the command again: kill ${pid}`,
  });
}

function otherShards(folder: string, kept: number, wanted: number): Failure {
  return fail("usage", `The ledger in "${folder}" has ${shardsOf(kept)}, not ${wanted}, and that never changes.`, {
    hint: "Leave out --shards, or name another folder with --persist.",
  });
}

function notOpened(folder: string, shards: number): Failure {
  return fail("usage", `The ledger in "${folder}" does not open with ${shardsOf(shards)}. It was probably made with another number.`, {
    hint: "Name that number with --shards, or another folder with --persist.",
  });
}

const shardsOf = (count: number) => `${count} shard${count === 1 ? "" : "s"}`;

/** The workerd processes that have files of the folder open. Linux lists them in /proc; elsewhere lsof does, where it is installed. */
function workerdsIn(folder: string): number[] {
  const real = fs.realpathSync(folder);
  if (!fs.existsSync("/proc/self/fd")) {
    const { stdout } = spawnSync("lsof", ["-t", "-a", "-c", "workerd", "+D", real], { encoding: "utf8" });
    return (stdout ?? "").split("\n").filter(Boolean).map(Number);
  }
  return fs
    .readdirSync("/proc")
    .filter((name) => /^[0-9]+$/.test(name) && isWorkerdIn(`/proc/${name}`, real))
    .map(Number);
}

function isWorkerdIn(process: string, folder: string): boolean {
  try {
    if (fs.readFileSync(`${process}/comm`, "utf8") !== "workerd\n") return false;
    return fs.readdirSync(`${process}/fd`).some((fd) => opens(`${process}/fd/${fd}`, folder));
  } catch {
    return false; // ended meanwhile, or another user's
  }
}

function opens(fd: string, folder: string): boolean {
  try {
    return fs.readlinkSync(fd).startsWith(`${folder}/`);
  } catch {
    return false; // closed meanwhile
  }
}

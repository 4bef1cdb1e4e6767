/**
 * One process at a time changes the state directory. The lock is a file with the pid of its owner. A lock whose owner is dead
 * is broken under a second lock, so that two processes that find it cannot both take it.
 */

import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Context } from "./context.ts";
import { fileFailure, lacksHardLinks } from "./files.ts";
import { LOCK_WAIT_SECONDS } from "./limits.ts";
import { fail, type Failure, type Outcome, succeed } from "./outcome.ts";
import { stateHome } from "./state-directory.ts";

const POLL_MILLISECONDS = 10;
/** A longer wait is reported. */
const SILENT_MILLISECONDS = 1000;
/** The wait of one process for another to break a lock that was left. */
const BREAK_MILLISECONDS = 3000;
/** Without hard links a lock is empty for a moment. Its maker gives it up after the first time, others break it after the second. */
const EMPTY_MILLISECONDS = { maker: 500, others: 3000 };
/** Between looks at a lock that may be held for minutes. */
const LONG_POLL_MILLISECONDS = 100;
const LOCK_REFRESH_SECONDS = 5;
const LOCK_STALE_SECONDS = 60;

/** Runs a short change of the state directory under the lock: no network call and no question, and no second lock, in it. */
export async function exclusively<Data>(context: Context, change: () => Outcome<Data> | Promise<Outcome<Data>>): Promise<Outcome<Data>> {
  const home = stateHome(context);
  if (!home.ok) return home;
  const lock = path.join(home.data, "lock");
  try {
    const taken = await takeAndSay(context, lock);
    if (!taken.ok) return taken;
    try {
      return await change();
    } finally {
      fs.rmSync(lock, { force: true });
    }
  } catch (error) {
    // A value, not an exception: a caller that has sent a payment must still report its outcome.
    const refused = fileFailure(error, home.data);
    if (refused) return refused;
    throw error;
  }
}

/** Long locks that this process holds. One with its pid that is not among them was left by an earlier process of that pid. */
const held = new Set<string>();

/**
 * Runs long work under a lock of its own, which other processes wait for. The holder refreshes it: a lock that grows old was left
 * by a process that died, even if another one has its pid now.
 * @param lock a file in a directory of the state directory
 * @param wait how long to wait for another holder in seconds, and what ends the wait early
 * @param busy the failure if the wait ends without the lock
 */
export async function holding<Result>(
  lock: string,
  wait: { seconds: number; signal: AbortSignal },
  busy: (holder: number | undefined) => Failure,
  work: () => Promise<Result>,
): Promise<Result | Failure> {
  try {
    const taken = await takeLong(lock, wait, busy);
    if (!taken.ok) return taken;
  } catch (error) {
    const refused = fileFailure(error, lock);
    if (refused) return refused;
    throw error;
  }
  held.add(lock);
  const refresh = setInterval(() => fs.utimes(lock, new Date(), new Date(), () => undefined), LOCK_REFRESH_SECONDS * 1000).unref();
  try {
    return await work();
  } finally {
    clearInterval(refresh);
    held.delete(lock);
    if (ownerOf(lock) === process.pid) fs.rmSync(lock, { force: true });
  }
}

/** Whether a process that lives holds such a lock. */
export function isHolding(lock: string): boolean {
  const holder = ownerOf(lock);
  return held.has(lock) || (holder !== undefined && !isLeft(lock, holder));
}

async function takeLong(
  lock: string,
  { seconds, signal }: { seconds: number; signal: AbortSignal },
  busy: (holder: number | undefined) => Failure,
): Promise<Outcome<undefined>> {
  const deadline = performance.now() + seconds * 1000;
  const abandoned = emptinessOf(lock);
  while (held.has(lock) || !create(lock)) {
    const holder = ownerOf(lock);
    if (holder !== undefined && isLeft(lock, holder)) {
      const broken = await breakLock(lock, () => ownerOf(lock) === holder);
      if (!broken.ok) return broken;
      continue;
    }
    if (holder === undefined && abandoned()) {
      const broken = await breakLock(lock, abandoned);
      if (!broken.ok) return broken;
      continue;
    }
    if (performance.now() >= deadline || signal.aborted) return busy(holder);
    await sleep(LONG_POLL_MILLISECONDS, undefined, { signal }).catch(() => undefined);
  }
  return succeed(undefined);
}

function isLeft(lock: string, holder: number): boolean {
  if (held.has(lock)) return false;
  if (holder === process.pid || !isAlive(holder)) return true;
  const stat = fs.statSync(lock, { throwIfNoEntry: false });
  return stat !== undefined && Date.now() - stat.mtimeMs > LOCK_STALE_SECONDS * 1000;
}

/** Waits for the processes that change the state directory at the same time: twelve agents may start at once. */
async function takeAndSay(context: Context, lock: string): Promise<Outcome<undefined>> {
  const taken = await take(lock, LOCK_WAIT_SECONDS * 1000, (owner) => {
    context.progress(`Waiting for process ${owner ?? "unknown"}, which is changing the state directory`);
  });
  if (taken !== "busy") return succeed(undefined);
  const owner = ownerOf(lock) ?? "unknown";
  return fail("busy", `Other lez-agent-pays, now process ${owner}, have kept the state directory for ${LOCK_WAIT_SECONDS} s.`, {
    hint: `Try again. If no such process runs, remove "${lock}".`,
  });
}

/** @param say called while the wait is long, with the pid of the process that has the lock */
async function take(lock: string, milliseconds: number, say?: (owner: number | undefined) => void): Promise<"taken" | "busy"> {
  const began = performance.now();
  const abandoned = emptinessOf(lock);
  while (!create(lock)) {
    const owner = ownerOf(lock);
    if (owner !== undefined && !isAlive(owner)) {
      const broken = await breakLock(lock, () => ownerOf(lock) === owner);
      if (!broken.ok) return "busy";
      continue;
    }
    if (owner === undefined && abandoned()) {
      const broken = await breakLock(lock, abandoned);
      if (!broken.ok) return "busy";
      continue;
    }
    const waited = performance.now() - began;
    if (waited > milliseconds) return "busy";
    if (waited > SILENT_MILLISECONDS) say?.(owner);
    await sleep(POLL_MILLISECONDS);
  }
  return "taken";
}

/** Exclusive, and never empty: link(2) makes the name appear together with the pid, and fails if it exists. */
function create(lock: string): boolean {
  const mine = `${lock}.${process.pid}`;
  fs.writeFileSync(mine, String(process.pid), { mode: 0o600 });
  try {
    fs.linkSync(mine, lock);
    return true;
  } catch (error) {
    if (isTaken(error)) return false;
    if (lacksHardLinks(error)) return createInPlace(lock);
    throw error;
  } finally {
    fs.rmSync(mine, { force: true });
  }
}

/** The lock is empty until its pid is written. If that took long, other processes may have broken it, and it is given up. */
function createInPlace(lock: string): boolean {
  const began = performance.now();
  try {
    fs.writeFileSync(lock, String(process.pid), { mode: 0o600, flag: "wx" });
  } catch (error) {
    if (isTaken(error)) return false;
    throw error;
  }
  if (ownerOf(lock) !== process.pid) return false;
  if (performance.now() - began < EMPTY_MILLISECONDS.maker) return true;
  fs.rmSync(lock, { force: true });
  return false;
}

function isTaken(error: unknown): boolean {
  return (error as { code?: string }).code === "EEXIST";
}

/** Returns a look at a lock: whether it has stayed empty, since an earlier look, for so long that its maker must have died. */
function emptinessOf(lock: string): () => boolean {
  let seen: { ino: number; since: number } | undefined;
  return () => {
    const stat = fs.statSync(lock, { throwIfNoEntry: false });
    if (stat === undefined || stat.size > 0) seen = undefined;
    else if (seen?.ino !== stat.ino) seen = { ino: stat.ino, since: performance.now() };
    return seen !== undefined && performance.now() - seen.since > EMPTY_MILLISECONDS.others;
  };
}

/** @param isLeft looks once more: another process may have broken it first */
async function breakLock(lock: string, isLeft: () => boolean): Promise<Outcome<undefined>> {
  const breaking = `${lock}.break`;
  if ((await take(breaking, BREAK_MILLISECONDS)) === "busy") {
    const holder = ownerOf(breaking) ?? "unknown";
    return fail("busy", `Process ${holder} has been removing "${lock}" for too long.`, {
      hint: `Try again. If no such process runs, remove "${breaking}".`,
    });
  }
  // No other process removes it now, and none can create it while it exists.
  if (isLeft()) fs.rmSync(lock, { force: true });
  fs.rmSync(breaking, { force: true });
  return succeed(undefined);
}

function ownerOf(lock: string): number | undefined {
  try {
    const pid = Number(fs.readFileSync(lock, "utf8"));
    return Number.isInteger(pid) && pid > 0 ? pid : undefined;
  } catch {
    return undefined; // removed meanwhile
  }
}

/** Whether a process of that id runs, of whichever user. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === "EPERM";
  }
}

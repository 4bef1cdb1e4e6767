/**
 * One process at a time changes the state directory. The lock is a file with the pid of its owner. A lock whose owner is dead
 * is broken under a second lock, so that two processes that find it cannot both take it.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Context } from "./context.ts";
import { fileFailure } from "./files.ts";
import { fail, type Failure, type Outcome, succeed } from "./outcome.ts";
import { stateHome } from "./state-directory.ts";

const WAIT_MILLISECONDS = 3000;
const POLL_MILLISECONDS = 10;
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
    const taken = await take(lock, Date.now() + WAIT_MILLISECONDS);
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

async function takeLong(
  lock: string,
  { seconds, signal }: { seconds: number; signal: AbortSignal },
  busy: (holder: number | undefined) => Failure,
): Promise<Outcome<undefined>> {
  const deadline = Date.now() + seconds * 1000;
  while (held.has(lock) || !create(lock)) {
    const holder = ownerOf(lock);
    if (holder !== undefined && isLeft(lock, holder)) {
      const broken = await breakLock(lock, holder, Date.now() + WAIT_MILLISECONDS);
      if (!broken.ok) return broken;
      continue;
    }
    if (Date.now() >= deadline || signal.aborted) return busy(holder);
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

async function take(lock: string, deadline: number): Promise<Outcome<undefined>> {
  for (;;) {
    if (create(lock)) return succeed(undefined);
    const owner = ownerOf(lock);
    if (owner !== undefined && !isAlive(owner)) {
      const broken = await breakLock(lock, owner, deadline);
      if (!broken.ok) return broken;
      continue;
    }
    if (Date.now() > deadline) {
      return fail("busy", `Another lez-agent-pay (process ${owner ?? "unknown"}) is changing the state directory.`, {
        hint: `Try again. If no such process runs, remove "${lock}".`,
      });
    }
    await sleep(POLL_MILLISECONDS);
  }
}

/** Exclusive, and never empty: link(2) makes the name appear together with the pid, and fails if it exists. */
function create(lock: string): boolean {
  const mine = `${lock}.${process.pid}`;
  fs.writeFileSync(mine, String(process.pid), { mode: 0o600 });
  try {
    fs.linkSync(mine, lock);
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === "EEXIST") return false;
    throw error;
  } finally {
    fs.rmSync(mine, { force: true });
  }
}

async function breakLock(lock: string, dead: number, deadline: number): Promise<Outcome<undefined>> {
  const breaking = `${lock}.break`;
  const taken = await take(breaking, deadline);
  if (!taken.ok) return taken;
  // No other process removes it now, and none can create it while it exists.
  if (ownerOf(lock) === dead) fs.rmSync(lock, { force: true });
  fs.rmSync(breaking, { force: true });
  return taken;
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

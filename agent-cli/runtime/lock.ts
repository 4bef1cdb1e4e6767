/**
 * One process at a time changes the state directory. The lock is a file with the pid of its owner. A lock whose owner is dead
 * is broken under a second lock, so that two processes that find it cannot both take it.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Context } from "./context.ts";
import { fileFailure } from "./files.ts";
import { fail, type Outcome, succeed } from "./outcome.ts";
import { stateHome } from "./state-directory.ts";

const WAIT_MILLISECONDS = 3000;
const POLL_MILLISECONDS = 10;

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

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === "EPERM";
  }
}

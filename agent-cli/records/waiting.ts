/** Which requests a running process waits for, to pay them as soon as they are approved: one empty file per request and process. */

import * as fs from "node:fs";
import * as path from "node:path";
import type { Digest } from "../../shared/crypto/digest.ts";
import type { Context } from "../runtime/context.ts";
import { isAlive } from "../runtime/lock.ts";
import { stateDirectory } from "../runtime/state-directory.ts";

/** A marker that cannot be written only costs the owner's tool a word. */
export async function whileWaiting<Result>(context: Context, digest: Digest, wait: () => Promise<Result>): Promise<Result> {
  const directory = stateDirectory(context, "waiting");
  const file = directory.ok ? path.join(directory.data, `${digest}.${process.pid}`) : undefined;
  try {
    if (file !== undefined) fs.writeFileSync(file, "", { mode: 0o600 });
  } catch {
    // see above
  }
  try {
    return await wait();
  } finally {
    if (file !== undefined) fs.rmSync(file, { force: true });
  }
}

/** Whether a process that still runs waits for the decision. The markers of dead processes are removed. */
export function isAwaited(context: Context, digest: Digest): boolean {
  const directory = stateDirectory(context, "waiting");
  if (!directory.ok) return false;
  const living = fs.readdirSync(directory.data).filter((name) => {
    const alive = isAlive(Number(name.split(".")[1]));
    if (!alive) fs.rmSync(path.join(directory.data, name), { force: true });
    return alive && name.startsWith(`${digest}.`);
  });
  return living.length > 0;
}

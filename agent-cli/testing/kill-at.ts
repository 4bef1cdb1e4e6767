/**
 * Loaded before the CLI (`node --import`), it kills the process, as power failure would, right before the n-th step that
 * leaves a trace: flushing, naming or linking a file, and sending an HTTP request. The CLI itself knows nothing of it.
 */

import fs from "node:fs";
import { ClientRequest } from "node:http";
import { syncBuiltinESMExports } from "node:module";

export const KILL_AT = "LEZ_TEST_KILL_AT";

let left = Number(process.env[KILL_AT] ?? Infinity);

function step(): void {
  if (--left === 0) process.kill(process.pid, "SIGKILL");
}

/** The same function, one step later. A directory's flush is none: before it and after it a process finds the same. */
function counted<Args extends unknown[], Result>(original: (...args: Args) => Result): (...args: Args) => Result {
  return function (this: unknown, ...args: Args) {
    const [fd] = args;
    if (typeof fd !== "number" || !fs.fstatSync(fd).isDirectory()) step();
    return original.apply(this, args);
  };
}

if (process.env[KILL_AT] !== undefined) {
  const files = fs as unknown as Record<string, (...args: unknown[]) => unknown>;
  for (const name of ["fsyncSync", "renameSync", "linkSync"]) {
    const original = files[name];
    if (original) files[name] = counted(original);
  }
  syncBuiltinESMExports();
  const requests = ClientRequest.prototype as unknown as Record<"end", (...args: unknown[]) => unknown>;
  requests.end = counted(requests.end);
}

/** What the CLI touches of the process: three streams, the environment, and the wish to stop. Tests bring their own. */
import type { Readable, Writable } from "node:stream";

export interface Io {
  stdin: Readable & { isTTY?: boolean; setRawMode?: (raw: boolean) => unknown };
  stdout: Writable & { isTTY?: boolean; columns?: number };
  stderr: Writable & { isTTY?: boolean; columns?: number };
  env: Readonly<Record<string, string | undefined>>;
  /** Aborts at Ctrl-C. */
  signal: AbortSignal;
}

/** The real process. Ctrl-C and a polite kill both abort; nothing else ends the process while a file is being written. */
export function processIo(): Io {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  // The reader of a pipe may leave early (`| head`). What the command does is worth finishing; what it says is not.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
  return { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr, env: process.env, signal: stop.signal };
}

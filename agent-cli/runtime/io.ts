/** What the CLI uses of the process: three streams, the environment, and a signal to stop. Tests bring their own. */

import { fstatSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { type Readable, Writable } from "node:stream";

export interface Io {
  stdin: Readable & { isTTY?: boolean; setRawMode?: (raw: boolean) => unknown };
  stdout: Writable & { isTTY?: boolean; columns?: number };
  stderr: Writable & { isTTY?: boolean; columns?: number };
  env: Readonly<Record<string, string | undefined>>;
  /** The current folder; undefined if it was removed. */
  cwd?: string | undefined;
  /** The home of the user's account by the user database, which no variable moves; undefined if the account has no entry. */
  accountHome?: string | undefined;
  /** Aborts on Ctrl-C. */
  signal: AbortSignal;
}

/**
 * The real process. SIGINT and SIGTERM abort the signal instead of ending the process in the middle of a write. So does every further
 * one: `npm run` passes a Ctrl-C on that the terminal has sent already.
 */
export function processIo(): Io {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stop.abort());
  const stdout = fstatSync(1).isFile() ? wholeFile(1) : process.stdout;
  // A command finishes although its reader is gone; `main` reports output that was lost.
  for (const stream of [stdout, process.stderr]) stream.on("error", () => undefined);
  return { stdin: process.stdin, stdout, stderr: process.stderr, env: process.env, ...foldersOfProcess(), signal: stop.signal };
}

function foldersOfProcess(): Pick<Io, "cwd" | "accountHome"> {
  const ifAny = (folder: () => string) => {
    try {
      return folder();
    } catch {
      return undefined;
    }
  };
  return { cwd: ifAny(() => process.cwd()), accountHome: ifAny(() => userInfo().homedir) };
}

/** Node's own stream to a file ignores a short write: a full disk would cut the output off without an error. */
function wholeFile(fd: number): Writable {
  return new Writable({
    write(chunk: Uint8Array, _encoding, done) {
      try {
        writeFileSync(fd, chunk);
        done();
      } catch (error) {
        done(error as Error);
      }
    },
  });
}

/**
 * Returns a function that waits until all output was written, and returns the error if it was not. A pipe whose reader
 * leaves early (`| head`) is no error.
 */
export function watchOutput(stream: Writable): () => Promise<Error | undefined> {
  let lost: NodeJS.ErrnoException | undefined;
  stream.on("error", (error) => (lost ??= error));
  return async () => {
    await new Promise<void>((resolve) => stream.write("", () => setImmediate(resolve))); // an error event follows a tick later
    return lost?.code === "EPIPE" ? undefined : lost;
  };
}

/** What the CLI touches of the process: three streams, the environment, and the wish to stop. Tests bring their own. */
import { fstatSync, writeFileSync } from "node:fs";
import { type Readable, Writable } from "node:stream";

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
  const stdout = fstatSync(1).isFile() ? wholeFile(1) : process.stdout;
  // What the command does is worth finishing, whoever does not hear of it. Whether the answer was lost is for `main` to say.
  for (const stream of [stdout, process.stderr]) stream.on("error", () => undefined);
  return { stdin: process.stdin, stdout, stderr: process.stderr, env: process.env, signal: stop.signal };
}

/** Node's own stream writes to a file once and takes a part for the whole: a disk that is full cuts the answer off, unsaid. */
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
 * Waits until all that was written has left. Returns why it did not; a reader of a pipe that leaves early (`| head`) has
 * had enough, and is none.
 */
export function watchOutput(stream: Writable): () => Promise<Error | undefined> {
  let lost: NodeJS.ErrnoException | undefined;
  stream.on("error", (error) => (lost ??= error));
  return async () => {
    await new Promise<void>((resolve) => stream.write("", () => setImmediate(resolve))); // an error is told a tick later
    return lost?.code === "EPIPE" ? undefined : lost;
  };
}

/** Files of JSON lines that only grow. A line counts once it is whole; bytes behind the last whole line were never acknowledged. */

import * as fs from "node:fs";
import { MAX_AUDIT_LINE_BYTES } from "./limits.ts";
import type { Outcome } from "./outcome.ts";

const { O_CREAT, O_NOFOLLOW, O_RDWR } = fs.constants;

/** Adds the line that `next` makes of the last one. It is on disk when this returns. Call it under the lock. */
export function addLine<Line extends object>(file: string, next: (last: Uint8Array | undefined) => Outcome<Line>): Outcome<Line> {
  const fd = fs.openSync(file, O_RDWR | O_NOFOLLOW | O_CREAT, 0o600);
  try {
    const { line, end } = tailOf(fd);
    const added = next(line);
    if (!added.ok) return added;
    fs.ftruncateSync(fd, end);
    fs.writeSync(fd, `${JSON.stringify(added.data)}\n`, end);
    fs.fsyncSync(fd);
    return added;
  } finally {
    fs.closeSync(fd);
  }
}

/** The last whole line; undefined if there is none. */
export function lastLine(file: string): Uint8Array | undefined {
  if (!fs.lstatSync(file, { throwIfNoEntry: false })) return undefined;
  const fd = fs.openSync(file, O_RDWR | O_NOFOLLOW);
  try {
    return tailOf(fd).line;
  } finally {
    fs.closeSync(fd);
  }
}

/** A line that is too long to be one of ours comes back empty, which no reader accepts. */
function tailOf(fd: number): { line: Uint8Array | undefined; end: number } {
  const { size } = fs.fstatSync(fd);
  const start = Math.max(0, size - 2 * MAX_AUDIT_LINE_BYTES);
  const tail = Buffer.alloc(size - start);
  fs.readSync(fd, tail, 0, tail.length, start);
  const end = tail.lastIndexOf("\n") + 1;
  if (end === 0) return { line: start === 0 ? undefined : new Uint8Array(), end: start === 0 ? 0 : size };
  const line = tail.subarray(0, end - 1);
  return { line: line.subarray(line.lastIndexOf("\n") + 1), end: start + end };
}

/**
 * Reads and writes files safely: bounded, regular files only, never through a symbolic link, private if they must be, and
 * written whole or not at all.
 */

import { createHash, randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import * as z from "zod";
import { MAX_FILE_BYTES } from "../../shared/limits.ts";
import { lineOf } from "../../shared/text/json-line.ts";
import { checkShape, parseJson } from "../../shared/text/json.ts";
import { kindOf } from "./file-kinds.ts";
import { fail, type Failure, type Outcome, succeed, type Success } from "./outcome.ts";
import { shellWord } from "./shell-quote.ts";

/** The least that is read at once from a file that grows. Files of /proc say that they are empty. */
const MIN_READ_BYTES = 4096;

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = fs.constants;

export interface ReadOptions {
  maxBytes?: number;
  /** The file holds a secret: only this user may own and read it. */
  secret?: boolean;
  /** The file decides what is trusted: only this user may own and write it. */
  unchangedByOthers?: boolean;
  /** What to call the file in messages. */
  what: string;
  /** How to write it, if people write it by hand. */
  written?: string;
  /** A user names such files: say what it is if it is another one of ours. */
  named?: true;
  /** A member that the schema does not know, and that is left out. */
  without?: string;
  /** Looks at the open file. A failure keeps it from being read. */
  opened?: (fd: number) => Failure | undefined;
}

export interface ReadFailure extends Failure {
  /** There is no such file. */
  missing?: true;
  /** The content is whole: it has a member too many, an encoding of its own, or a newer format. Nothing need be removed. */
  intact?: true;
}

export function readBytes(file: string, options: ReadOptions): Success<Uint8Array> | ReadFailure {
  const { maxBytes = MAX_FILE_BYTES, what } = options;
  let fd: number;
  try {
    // O_NONBLOCK: opening a pipe without a writer must not hang. It has no effect on regular files.
    fd = fs.openSync(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) === "ELOOP") return symlinkRefused(file, what);
    const failure = fail("invalid_file", `Cannot read the ${what} ${quoted(file)}: ${reasonOf(error)}.`, { hint: "Check the path." });
    return codeOf(error) === "ENOENT" ? { ...failure, missing: true } : failure;
  }
  try {
    const stat = fs.fstatSync(fd);
    if (!stat.isFile()) return fail("invalid_file", `The ${what} ${quoted(file)} is not a regular file.`);
    const refused = options.opened?.(fd);
    if (refused) return refused;
    const unsafe = options.secret || options.unchangedByOthers ? checkAccess(file, stat, what, options.secret ? 0o077 : 0o022) : undefined;
    if (unsafe) return unsafe;
    if (stat.size > maxBytes) return fail("invalid_file", `The ${what} ${quoted(file)} is larger than ${maxBytes} bytes.`);
    const bytes = readUpTo(fd, stat.size, maxBytes);
    if (!bytes) return fail("invalid_file", `The ${what} ${quoted(file)} is larger than ${maxBytes} bytes.`);
    return succeed(bytes);
  } catch (error) {
    return fail("invalid_file", `Cannot read the ${what} ${quoted(file)}: ${reasonOf(error)}.`);
  } finally {
    fs.closeSync(fd);
  }
}

/** Reads to the end of a file that had `size` bytes and may grow meanwhile; undefined if there are more than `maxBytes`. */
function readUpTo(fd: number, size: number, maxBytes: number): Uint8Array | undefined {
  // One byte more than expected shows the end; one more than allowed, that it is too large.
  let buffer = new Uint8Array(size + 1);
  for (let length = 0; ;) {
    const read = fs.readSync(fd, buffer, length, buffer.length - length, null);
    length += read;
    if (read === 0) return buffer.subarray(0, length);
    if (length > maxBytes) return undefined;
    if (length < buffer.length) continue;
    const larger = new Uint8Array(Math.min(Math.max(2 * length, MIN_READ_BYTES), maxBytes + 1));
    larger.set(buffer);
    buffer = larger;
  }
}

export function readJson<Schema extends z.core.$ZodType>(
  file: string,
  schema: Schema,
  options: ReadOptions,
  read: typeof readBytes = readBytes,
): Success<z.core.output<Schema>> | ReadFailure {
  const bytes = read(file, options);
  if (!bytes.ok) return bytes;
  const parsed = parseWithout(bytes.data, schema, options);
  if (parsed.ok) return succeed(parsed.value);
  const intact = misread(bytes.data, file, options, parsed.unknown);
  if (intact && !(options.named && otherKind(bytes.data, file, options))) return intact;
  const other = options.named ? otherKind(bytes.data, file, options) : undefined;
  if (other) return other;
  return fail("invalid_file", `${quoted(file)} is not a valid ${options.what}: ${parsed.problem}.`, {
    hint: options.written ?? "Use the file as lez-agent-pay wrote it; it is not meant to be edited.",
  });
}

function parseWithout<Schema extends z.core.$ZodType>(bytes: Uint8Array, schema: Schema, { maxBytes, without }: ReadOptions) {
  const limit = maxBytes ?? MAX_FILE_BYTES;
  if (without === undefined) return parseJson(bytes, limit, schema);
  const loose = parseJson(bytes, limit, z.record(z.string(), z.unknown()));
  if (!loose.ok) return loose;
  const { [without]: _, ...rest } = loose.value;
  return checkShape(rest, schema);
}

/** A file that an editor or another version wrote: what is wrong with it in which line, and what to do. */
function misread(
  bytes: Uint8Array,
  file: string,
  { what, written }: ReadOptions,
  unknown?: readonly PropertyKey[],
): ReadFailure | undefined {
  const encoding = encodingOf(bytes);
  if (encoding !== undefined) {
    const failure = fail("invalid_file", `${quoted(file)}, line 1: the ${what} begins with the byte order mark of ${encoding}.`, {
      hint: "Save it as UTF-8 without a byte order mark.",
    });
    return { ...failure, intact: true };
  }
  if (!unknown) return undefined;
  const line = lineOf(Buffer.from(bytes).toString(), unknown);
  const member = JSON.stringify(unknown.map(String).join(".").slice(0, 80));
  const failure = fail("invalid_file", `${quoted(file)}, line ${line ?? 1}: the ${what} has an unknown member ${member}.`, {
    hint: written
      ? `Correct its name, or remove it. ${written}`
      : "If a newer lez-agent-pay wrote it, update this one. If you added it, remove it. The rest of the file is in order.",
  });
  return { ...failure, intact: true };
}

function encodingOf(bytes: Uint8Array): string | undefined {
  const [first, second, third] = bytes;
  if (first === 0xef && second === 0xbb && third === 0xbf) return "UTF-8";
  return (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff) ? "UTF-16" : undefined;
}

function otherKind(bytes: Uint8Array, file: string, { what, maxBytes = MAX_FILE_BYTES }: ReadOptions): Failure | undefined {
  const parsed = parseJson(bytes, maxBytes, z.unknown());
  const kind = parsed.ok ? kindOf(parsed.value, file) : undefined;
  if (kind === undefined || kind.what === what) return undefined;
  return fail("invalid_file", `${quoted(file)} is ${kind.is}, not the ${what} that is needed here.`, { hint: kind.hint });
}

/** Refuses early what `writeWhole` would refuse, before the owner types a passphrase. */
export function checkWritable(
  file: string,
  force: boolean,
  extras = { hint: "Choose another name, or add --force to replace it." },
): Outcome<undefined> {
  const stat = fs.lstatSync(file, { throwIfNoEntry: false });
  if (stat?.isSymbolicLink()) return symlinkRefused(file, "file");
  if (stat && !stat.isFile()) return fail("file_exists", `${quoted(file)} exists and is not a file.`);
  if (stat && !force) return fail("file_exists", `${quoted(file)} exists already.`, extras);
  try {
    // `writeWhole` makes a temporary file beside it and renames that, so the directory must be writable even if the file exists.
    fs.accessSync(path.dirname(file), fs.constants.W_OK | fs.constants.X_OK);
    return succeed(undefined);
  } catch (error) {
    return notWritten(file, error);
  }
}

function notWritten(file: string, error: unknown): Failure {
  if (codeOf(error) === "EEXIST") return fail("file_exists", `${quoted(file)} exists already.`, { hint: "Choose another name." });
  return fail("file_not_written", `Cannot write ${quoted(file)}: ${reasonOf(error)}.`, {
    hint: "Check that the directory exists and that you may write there.",
  });
}

/** Looks at an open file, made under a temporary name. A failure keeps it from being written, or named. */
type Opened = (fd: number, temporary: string) => Failure | undefined;

/** Writes a file of mode 0600 whole or not at all: a reader sees the old content or the new. */
export function writeWhole(file: string, content: Uint8Array | string, force: boolean, opened?: Opened): Outcome<undefined> {
  const writable = checkWritable(file, force);
  if (!writable.ok) return writable;
  const temporary = temporaryBeside(file);
  try {
    const fd = fs.openSync(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    try {
      const refused = opened?.(fd, temporary);
      if (refused) return refused;
      fs.writeFileSync(fd, content);
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
    nameFile(temporary, file, force);
    return succeed(undefined);
  } catch (error) {
    return notWritten(file, error);
  } finally {
    fs.rmSync(temporary, { force: true });
  }
}

/** Like `writeWhole`, for content of any size: `write` appends it in parts. A failure leaves no file. */
export async function writeParts<Data>(
  file: string,
  force: boolean,
  write: (append: (text: string) => void) => Promise<Outcome<Data>>,
): Promise<Outcome<Data>> {
  const writable = checkWritable(file, force);
  if (!writable.ok) return writable;
  const temporary = temporaryBeside(file);
  try {
    const fd = fs.openSync(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    let written: Outcome<Data>;
    try {
      written = await write((text) => fs.writeFileSync(fd, text));
      if (!written.ok) return written;
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
    nameFile(temporary, file, force);
    return written;
  } catch (error) {
    return notWritten(file, error);
  } finally {
    fs.rmSync(temporary, { force: true });
  }
}

/** Copies a file of any size to a file of mode 0600, whole or not at all. */
export async function copyWhole(from: string, file: string, force: boolean, opened?: Opened): Promise<Outcome<undefined>> {
  const writable = checkWritable(file, force);
  if (!writable.ok) return writable;
  const temporary = temporaryBeside(file);
  try {
    await fs.promises.copyFile(from, temporary, fs.constants.COPYFILE_EXCL | fs.constants.COPYFILE_FICLONE);
    const fd = fs.openSync(temporary, O_WRONLY | O_NOFOLLOW);
    try {
      const refused = opened?.(fd, temporary);
      if (refused) return refused;
      fs.fchmodSync(fd, 0o600);
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
    nameFile(temporary, file, force);
    return succeed(undefined);
  } catch (error) {
    return notWritten(file, error);
  } finally {
    fs.rmSync(temporary, { force: true });
  }
}

/** Gives a written file its name. Throws EEXIST if the name is taken and the file may not replace another. */
function nameFile(temporary: string, file: string, force: boolean): void {
  if (force) fs.renameSync(temporary, file);
  else nameNewFile(temporary, file);
  flushDirectory(path.dirname(file));
}

function nameNewFile(temporary: string, file: string): void {
  try {
    // rename(2) would replace a file that appeared meanwhile.
    fs.linkSync(temporary, file);
  } catch (error) {
    if (!lacksHardLinks(error)) throw error;
    // Take the name first. A crash in between leaves an empty file.
    fs.closeSync(fs.openSync(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600));
    fs.renameSync(temporary, file);
  }
}

/** Whether link(2) failed because this file system has no hard links: FAT, and some network and user-space file systems. */
export function lacksHardLinks(error: unknown): boolean {
  return ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"].includes(codeOf(error) ?? "");
}

/** Bytes that this user may still write to the file system of a directory; undefined if the system does not say. */
export function freeBytes(directory: string): number | undefined {
  try {
    const { bavail, bsize } = fs.statfsSync(directory);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

/** SHA-256 of a file of any size, in hex. */
export async function fileDigest(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of fs.createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

function temporaryBeside(file: string): string {
  return `${file}.${randomBytes(6).toString("hex")}.tmp`;
}

/** Without this, a power failure could undo the rename. Not every system can flush a directory. */
function flushDirectory(directory: string): void {
  try {
    const fd = fs.openSync(directory, O_RDONLY);
    try {
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
  } catch {
    // The content is flushed anyway.
  }
}

export function writeJson(file: string, value: unknown, force: boolean): Outcome<undefined> {
  return writeWhole(file, jsonText(value), force);
}

/** JSON for a file that people may look into. */
export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** Makes sure that a directory exists and only this user can use it. */
export function ensurePrivateDirectory(directory: string): Outcome<undefined> {
  return ensureDirectory(directory, 0o077);
}

/** Makes sure that a directory exists and only this user can change what is in it. */
export function ensureOwnDirectory(directory: string): Outcome<undefined> {
  return ensureDirectory(directory, 0o022);
}

function ensureDirectory(directory: string, forbidden: number): Outcome<undefined> {
  try {
    makeDirectories(directory);
    const stat = fs.lstatSync(directory);
    if (stat.isSymbolicLink()) return symlinkRefused(directory, "directory");
    if (!stat.isDirectory()) throw new Error("it is not a directory");
    const unsafe = checkAccess(directory, stat, "directory", forbidden);
    return unsafe ? (isTheSystems(directory) ? notOursAlone(directory) : unsafe) : succeed(undefined);
  } catch (error) {
    return fail("file_not_written", `Cannot use the directory ${quoted(directory)}: ${reasonOf(error)}.`, {
      hint: "Set LEZ_AGENT_PAY_HOME to a directory of your own.",
    });
  }
}

/** `/tmp`, `/etc`: never advise a user to change the mode of a directory right below the root. */
function isTheSystems(directory: string): boolean {
  const { root, dir } = path.parse(path.resolve(directory));
  return dir === root;
}

function notOursAlone(directory: string): Failure {
  return fail("unsafe_permissions", `The directory ${quoted(directory)} is not this user's alone.`, {
    hint: `Set LEZ_AGENT_PAY_HOME to a directory below it: ${path.join(directory, "lez-agent-pay")}`,
  });
}

/** One level at a time: Node's own `recursive` never returns below /proc, where a parent exists but takes no directories. */
function makeDirectories(directory: string): void {
  if (fs.existsSync(directory)) return;
  const parent = path.dirname(directory);
  if (parent !== directory) makeDirectories(parent);
  try {
    fs.mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error; // another process made it meanwhile
  }
}

/** Errors of the machine, and what its user can do about them. They are not bugs, and not reported as such. */
const REFUSALS: Readonly<Record<string, [what: string, hint: string]>> = {
  ENOSPC: ["The disk is full", "Make room, then run the same command again."],
  EDQUOT: ["Your share of the disk is used up", "Make room, then run the same command again."],
  EROFS: ["The file system is read-only", "Name a file elsewhere, or set LEZ_AGENT_PAY_HOME to a writable directory."],
  EACCES: ["Permission denied", "Check the owner and the mode of the file and of the directories above it."],
  EPERM: ["Permission denied", "Check the owner and the mode of the file and of the directories above it."],
  ELOOP: ["This is a symbolic link", "Put the file itself there, not a link to it."],
  ENOTDIR: ["A part of this path is a file, not a directory", "Check the path."],
};

/**
 * Maps an error of a file operation to a failure; undefined for any other error.
 * @param place what to name if the error has no path, as those of an open file
 */
export function fileFailure(error: unknown, place: string): Failure | undefined {
  const refusal = REFUSALS[codeOf(error) ?? ""];
  if (!refusal) return undefined;
  const [what, hint] = refusal;
  const named = error instanceof Error && "path" in error && typeof error.path === "string" ? error.path : place;
  return fail("file_not_written", `${what}: ${quoted(named)}.`, { hint });
}

/** Windows has neither modes nor uids; users manage its access lists. */
function checkAccess(file: string, stat: fs.Stats, what: string, forbidden: number) {
  if (process.getuid && stat.uid !== process.getuid()) {
    return fail("unsafe_permissions", `The ${what} ${quoted(file)} belongs to another user.`, {
      hint: `Run: chown "$(id -un)" ${shellWord(file)}`,
      details: { fix: ["chown", String(process.getuid()), file] },
    });
  }
  if (process.platform !== "win32" && (stat.mode & forbidden) !== 0) {
    const mode = stat.isDirectory() ? "700" : "600";
    return fail("unsafe_permissions", `The ${what} ${quoted(file)} is open to other users (mode ${(stat.mode & 0o777).toString(8)}).`, {
      hint: `Run: chmod ${mode} ${shellWord(file)}`,
      details: { fix: ["chmod", mode, file] },
    });
  }
  return undefined;
}

function symlinkRefused(file: string, what: string) {
  return fail("unsafe_permissions", `The ${what} ${quoted(file)} is a symbolic link.`, { hint: "Name the file itself, not a link to it." });
}

function quoted(file: string): string {
  return `"${file && path.normalize(file)}"`; // normalize("") would be the current folder
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}

/** Takes `no such file or directory` out of `ENOENT: no such file or directory, open '…'`. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown reason";
  return error.message.replace(/^[A-Z0-9]+: /, "").replace(/, \w+( '.*)?$/s, "");
}

/**
 * The answers to payments, kept on disk. Status, headers and receipt are there before the first byte of the body, and the body
 * grows in a file beside them: whatever breaks, the part that came is kept, and a later run continues it.
 */

import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import * as z from "zod";
import { fromBase64 } from "../../shared/crypto/bytes.ts";
import type { Digest } from "../../shared/crypto/digest.ts";
import { MAX_RESPONSE_BODY_BYTES } from "../../shared/limits.ts";
import type { Context } from "../runtime/context.ts";
import { type Ending, headersByName, type ResponseHead } from "../runtime/exchange.ts";
import { freeBytes, reasonOf } from "../runtime/files.ts";
import { MIN_FREE_BYTES } from "../runtime/limits.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import { stateDirectory } from "../runtime/state-directory.ts";
import { readState, writeState } from "../runtime/state-file.ts";

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = fs.constants;

/** A body in a file. */
export interface StoredBody {
  file: string;
  bytes: number;
}

export type KeptAnswer = ResponseHead & Ending & { body: StoredBody | Uint8Array };

const STOPPED = { complete: false, problem: "the process that received it was stopped" } as const;

const answerSchema = z.strictObject({
  status: z.number(),
  fields: z.array(z.tuple([z.string(), z.string()])),
  complete: z.boolean(),
  problem: z.optional(z.string()),
  /** The body's file in the same directory. */
  body: z.string().check(z.regex(/^[0-9a-f]{64}\.[0-9a-f]{12}\.body$/)),
});
/** Version 0.1 kept the body in the same file. */
const answerOf01Schema = z.strictObject({
  status: z.number(),
  headers: z.record(z.string(), z.string()),
  complete: z.boolean(),
  bodyBase64: z.string(),
});

const FORMAT = {
  kind: "answer",
  what: "kept answer",
  schema: z.union([answerSchema, answerOf01Schema]),
  maxBytes: 2 * MAX_RESPONSE_BODY_BYTES,
};

/** The answer to a request's payment, or the part of it that came. */
export function keptAnswer(context: Context, key: Digest): Outcome<KeptAnswer | undefined> {
  const directory = stateDirectory(context, "answers");
  if (!directory.ok) return directory;
  const file = headFile(directory.data, key);
  if (!fs.existsSync(file)) return succeed(undefined);
  const kept = readState(file, FORMAT);
  if (!kept.ok) return kept;
  const { status } = kept.data;
  if ("bodyBase64" in kept.data) {
    const { headers, complete, bodyBase64 } = kept.data;
    const body = fromBase64(bodyBase64) ?? new Uint8Array();
    return succeed({ status, headers, fields: Object.entries(headers), ...(complete ? { complete } : STOPPED), body });
  }
  const { fields, complete, problem } = kept.data;
  const head = { status, fields, headers: headersByName(fields) };
  const body = path.join(directory.data, kept.data.body);
  const stat = fs.statSync(body, { throwIfNoEntry: false });
  if (!stat) return succeed(undefined);
  // A process may have died between the last byte and the note that it was the last.
  const whole = complete || announcedBytes(head) === stat.size;
  const ending: Ending = whole ? { complete: true } : { complete: false, problem: problem ?? STOPPED.problem };
  return succeed({ ...head, ...ending, body: { file: body, bytes: stat.size } });
}

/** The length of a body by its `Content-Length`. */
export function announcedBytes({ headers }: ResponseHead): number | undefined {
  const length = headers["content-length"] ?? "";
  return /^[0-9]{1,15}$/.test(length) ? Number(length) : undefined;
}

/** Why not even a small answer could be stored; undefined if there is room. */
export function lacksRoom(context: Context): string | undefined {
  const directory = stateDirectory(context, "answers");
  const free = directory.ok ? freeBytes(directory.data) : undefined;
  return free === undefined || free >= MIN_FREE_BYTES ? undefined : `only ${free} bytes are free where answers are kept`;
}

/** Stores status and headers, and opens a new body. They replace what was kept for this payment. */
export function beginAnswer(context: Context, key: Digest, head: ResponseHead, maxBytes: number): Outcome<AnswerWriter> {
  const directory = stateDirectory(context, "answers");
  if (!directory.ok) return directory;
  const file = path.join(directory.data, `${key}.${randomBytes(6).toString("hex")}.body`);
  const writer = AnswerWriter.open(key, head, { file, bytes: 0 }, maxBytes);
  if (!writer.ok) return writer;
  const noted = writer.data.note(STOPPED);
  if (!noted.ok) return noted;
  removeBodies(directory.data, key, file);
  return writer;
}

/** Opens a part to append to it. */
export function continueAnswer(key: Digest, part: ResponseHead & { body: StoredBody }, maxBytes: number): Outcome<AnswerWriter> {
  return AnswerWriter.open(key, part, part.body, maxBytes);
}

/** Writes the body of one answer. Only one process at a time writes the answer to a payment. */
export class AnswerWriter {
  readonly #key: Digest;
  #head: ResponseHead;
  readonly #file: string;
  readonly #fd: number;
  readonly #maxBytes: number;
  /** The size that the disk can take. */
  readonly #room: number;
  #bytes: number;
  /** The body exceeds `maxBytes`. */
  tooLarge = false;

  private constructor(key: Digest, head: ResponseHead, { file, bytes }: StoredBody, maxBytes: number) {
    this.#key = key;
    this.#head = head;
    this.#file = file;
    this.#bytes = bytes;
    this.#maxBytes = maxBytes;
    this.#fd = fs.openSync(file, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
    this.#room = bytes + (freeBytes(path.dirname(file)) ?? Infinity) - MIN_FREE_BYTES;
  }

  static open(key: Digest, head: ResponseHead, body: StoredBody, maxBytes: number): Outcome<AnswerWriter> {
    try {
      return succeed(new AnswerWriter(key, head, body, maxBytes));
    } catch (error) {
      return fail("file_not_written", `The answer cannot be kept in "${body.file}": ${reasonOf(error)}.`);
    }
  }

  /** Why this many more bytes are not wanted. */
  excess(more: number): string | undefined {
    const bytes = this.#bytes + more;
    this.tooLarge ||= bytes > this.#maxBytes;
    if (this.tooLarge) return `it is larger than ${this.#maxBytes} bytes, the limit of --max-body`;
    return bytes > this.#room ? "the disk has no room for it" : undefined;
  }

  /** Appends to the body. Returns why it cannot. */
  take(chunk: Uint8Array): string | undefined {
    const excess = this.excess(chunk.length);
    if (excess !== undefined) return excess;
    try {
      for (let rest = chunk; rest.length > 0;) {
        const written = fs.writeSync(this.#fd, rest);
        this.#bytes += written;
        rest = rest.subarray(written);
      }
      return undefined;
    } catch (error) {
      return `it cannot be stored: ${reasonOf(error)}`;
    }
  }

  /**
   * Notes how the body ended. A failure leaves the answer readable now, and a later run may not find it.
   * @param head in place of the one that came first, of a stream whose end says more
   */
  close(ending: Ending, head = this.#head): { answer: KeptAnswer; noted: Outcome<undefined> } {
    this.#head = head;
    const answer = { ...this.#head, ...endingOf(ending), body: { file: this.#file, bytes: this.#bytes } };
    try {
      if (ending.complete) fs.fsyncSync(this.#fd);
      fs.closeSync(this.#fd);
    } catch (error) {
      return { answer, noted: fail("file_not_written", `The answer was not kept: ${reasonOf(error)}.`) };
    }
    return { answer, noted: this.note(ending) };
  }

  note(ending: Ending): Outcome<undefined> {
    const { status, fields } = this.#head;
    const content = { status, fields, ...endingOf(ending), body: path.basename(this.#file) };
    return writeState(headFile(path.dirname(this.#file), this.#key), FORMAT, content);
  }
}

/** Only these members: an ending may come with a whole answer. */
function endingOf(ending: Ending): Ending {
  return ending.complete ? { complete: true } : { complete: false, problem: ending.problem };
}

/** Removes an answer that was handed over whole. */
export function forgetAnswer(context: Context, key: Digest): void {
  const directory = stateDirectory(context, "answers");
  if (!directory.ok) return;
  fs.rmSync(headFile(directory.data, key), { force: true });
  removeBodies(directory.data, key, "");
}

function headFile(directory: string, key: Digest): string {
  return path.join(directory, `${key}.json`);
}

/** Removes the bodies of earlier attempts, which no head names any more. */
function removeBodies(directory: string, key: Digest, except: string): void {
  for (const name of fs.readdirSync(directory)) {
    const file = path.join(directory, name);
    if (name.startsWith(`${key}.`) && name.endsWith(".body") && file !== except) fs.rmSync(file, { force: true });
  }
}

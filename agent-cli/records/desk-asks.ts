/**
 * Which requests went to a hosted desk, and whether they can still be decided there: one file per request. The desk knows a request
 * again; without its file, nothing here says that another account may decide it.
 */

import * as fs from "node:fs";
import * as path from "node:path";
import * as z from "zod";
import { type Digest, digestSchema } from "../../shared/crypto/digest.ts";
import { accountIdSchema } from "../../shared/protocol/account.ts";
import { timestampSchema } from "../../shared/time.ts";
import type { Context } from "../runtime/context.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import { stateDirectory, stateHomePath } from "../runtime/state-directory.ts";
import { readState, writeState } from "../runtime/state-file.ts";

const askSchema = z.strictObject({
  requestDigest: digestSchema,
  desk: z.string(),
  account: accountIdSchema,
  /** When the desk took it. Absent: it was sent, and no answer came. */
  sentAt: z.optional(timestampSchema),
  /** Nothing more can be decided about it there. */
  over: z.literal(true).optional(),
  /** What the merchant answered was handed in, or the desk does not take it. */
  receipt: z.literal(true).optional(),
});
const FOLDER = "desk-asks";
const FORMAT = { kind: "desk-ask", what: "record of a request at the desk", schema: askSchema };

export type DeskAskRecord = z.infer<typeof askSchema>;

/**
 * Written before the request is sent: if the answer is lost, the desk may have it. What is known of the same desk stays; `over` goes, as the
 * request is open there again.
 */
export function noteSending(context: Context, ask: Pick<DeskAskRecord, "requestDigest" | "desk" | "account">): Outcome<undefined> {
  const before = askedAt(context, ask.requestDigest);
  if (before.ok && before.data?.desk === ask.desk && before.data.account === ask.account) {
    const { over, ...known } = before.data;
    return over ? write(context, known) : succeed(undefined);
  }
  return write(context, ask);
}

/** The first time counts. */
export function noteTaken(context: Context, digest: Digest, sentAt: string): Outcome<undefined> {
  const before = askedAt(context, digest);
  if (!before.ok) return before;
  return before.data && before.data.sentAt === undefined ? write(context, { ...before.data, sentAt }) : succeed(undefined);
}

export function noteOver(context: Context, digest: Digest): Outcome<undefined> {
  const before = askedAt(context, digest);
  if (!before.ok) return before;
  return before.data && !before.data.over ? write(context, { ...before.data, over: true }) : succeed(undefined);
}

export function noteReceipt(context: Context, digest: Digest): Outcome<undefined> {
  const before = askedAt(context, digest);
  if (!before.ok) return before;
  return before.data ? write(context, { ...before.data, receipt: true }) : succeed(undefined);
}

function write(context: Context, ask: DeskAskRecord): Outcome<undefined> {
  const file = fileOf(context, ask.requestDigest);
  return file.ok ? writeState(file.data, FORMAT, ask) : file;
}

/** Undefined if it was sent to no desk, as far as this machine knows. */
export function askedAt(context: Context, digest: Digest): Outcome<DeskAskRecord | undefined> {
  // Makes no directory: commands that only read ask for it, too.
  if (!fs.lstatSync(path.join(stateHomePath(context), FOLDER, `${digest}.json`), { throwIfNoEntry: false })) return succeed(undefined);
  const file = fileOf(context, digest);
  return file.ok ? readState(file.data, FORMAT) : file;
}

function fileOf(context: Context, digest: Digest): Outcome<string> {
  const directory = stateDirectory(context, FOLDER);
  return directory.ok ? succeed(path.join(directory.data, `${digest}.json`)) : directory;
}

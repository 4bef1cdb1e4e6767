/** Which requests a hosted desk has taken: one file per request. The desk knows a request again, so a lost file costs nothing. */

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

const askSchema = z.strictObject({ requestDigest: digestSchema, desk: z.string(), account: accountIdSchema, sentAt: timestampSchema });
const FOLDER = "desk-asks";
const FORMAT = { kind: "desk-ask", what: "record of a request at the desk", schema: askSchema };

export type DeskAskRecord = z.infer<typeof askSchema>;

/** The first time counts. */
export function noteAsked(context: Context, ask: DeskAskRecord): Outcome<undefined> {
  const before = askedAt(context, ask.requestDigest);
  if (before.ok && before.data?.desk === ask.desk && before.data.account === ask.account) return succeed(undefined);
  const file = fileOf(context, ask.requestDigest);
  return file.ok ? writeState(file.data, FORMAT, ask) : file;
}

/** Undefined if no desk has taken it, as far as this machine knows. */
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

/** The transfers that this machine has signed. Each is written before it is sent, so that a repetition sends the same bytes. */

import * as fs from "node:fs";
import * as path from "node:path";
import * as z from "zod";
import { type Digest, digestSchema } from "../../shared/crypto/digest.ts";
import { signedTransferSchema, transferNonce } from "../../shared/protocol/transfer.ts";
import { timestampSchema } from "../../shared/time.ts";
import type { Context } from "../runtime/context.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import { stateDirectory } from "../runtime/state-directory.ts";
import { readState, writeState } from "../runtime/state-file.ts";

const transferSchema = z.strictObject({
  /** The owner's name for it. */
  id: z.string(),
  signedAt: timestampSchema,
  signed: signedTransferSchema,
  /** There once the ledger has confirmed it. */
  transaction: z.optional(digestSchema),
});
const FORMAT = { kind: "transfer", what: "transfer", schema: transferSchema };
export type KeptTransfer = z.infer<typeof transferSchema>;

export function keepTransfer(context: Context, transfer: KeptTransfer): Outcome<undefined> {
  const directory = stateDirectory(context, "transfers");
  if (!directory.ok) return directory;
  return writeState(fileOf(directory.data, transfer.signed.authorization.nonce), FORMAT, transfer);
}

export function findTransfer(context: Context, nonce: Digest): Outcome<KeptTransfer | undefined> {
  const directory = stateDirectory(context, "transfers");
  if (!directory.ok) return directory;
  const file = fileOf(directory.data, nonce);
  return fs.existsSync(file) ? read(file) : succeed(undefined);
}

/** When this machine first sent money to an account, as RFC 3339; undefined if it never did. Unreadable records say nothing. */
export function sentSince(context: Context, to: string): Outcome<string | undefined> {
  const directory = stateDirectory(context, "transfers");
  if (!directory.ok) return directory;
  const [first] = fs
    .readdirSync(directory.data)
    .filter((name) => /^[0-9a-f]{64}\.json$/.test(name))
    .map((name) => read(path.join(directory.data, name)))
    .flatMap((kept) =>
      kept.ok && kept.data.transaction !== undefined && kept.data.signed.authorization.to === to ? [kept.data.signedAt] : [],
    )
    .toSorted();
  return succeed(first);
}

function fileOf(directory: string, nonce: Digest): string {
  return path.join(directory, `${nonce}.json`);
}

function read(file: string): Outcome<KeptTransfer> {
  const kept = readState(file, FORMAT);
  if (!kept.ok) return kept;
  const { id, signed } = kept.data;
  if (path.basename(file) === `${transferNonce(signed.authorization.from, id)}.json`) return kept;
  return fail("invalid_file", `The transfer "${file}" does not match its name.`);
}

/**
 * The transfers that this machine has signed. Each is on disk before it is sent, and stays `sent` until its outcome is certain: until then
 * a repetition sends the same bytes. Agents can write into this folder, so a record counts only with its account's signature.
 */

import * as fs from "node:fs";
import * as path from "node:path";
import * as z from "zod";
import type { Digest } from "../../shared/crypto/digest.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import { FACILITATOR_DECIDES } from "../../shared/protocol/passkey.ts";
import { provesTransfer, signedTransferSchema, transferNonce } from "../../shared/protocol/transfer.ts";
import { timestampSchema } from "../../shared/time.ts";
import type { Context } from "../runtime/context.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import { stateDirectory } from "../runtime/state-directory.ts";
import { readState, writeState } from "../runtime/state-file.ts";

const recordSchema = z.strictObject({
  /** The owner's name for it. */
  id: z.string(),
  signedAt: timestampSchema,
  signed: signedTransferSchema,
  /** `sent`: it may have been made. `made`, `refused`: certain. */
  state: z.enum(["sent", "made", "refused"]),
});
const FORMAT = { kind: "transfer", what: "transfer", schema: recordSchema };
export type KeptTransfer = z.infer<typeof recordSchema>;

/** Writes a transfer down, or what became of it. It is on disk when this returns. */
export function keepTransfer(context: Context, transfer: KeptTransfer): Outcome<undefined> {
  const directory = stateDirectory(context, "transfers");
  if (!directory.ok) return directory;
  return writeState(fileOf(directory.data, transfer.signed.authorization.nonce), FORMAT, transfer);
}

export async function findTransfer(context: Context, nonce: Digest): Promise<Outcome<KeptTransfer | undefined>> {
  const directory = stateDirectory(context, "transfers");
  if (!directory.ok) return directory;
  const file = fileOf(directory.data, nonce);
  return fs.existsSync(file) ? read(file) : succeed(undefined);
}

/** Every transfer from an account, oldest first. One that cannot be read may have been made: nothing is signed beside it. */
export async function transfersFrom(context: Context, from: AccountId): Promise<Outcome<KeptTransfer[]>> {
  const directory = stateDirectory(context, "transfers");
  if (!directory.ok) return directory;
  const transfers: KeptTransfer[] = [];
  for (const name of fs.readdirSync(directory.data).filter((name) => /^[0-9a-f]{64}\.json$/.test(name))) {
    const kept = await read(path.join(directory.data, name));
    if (!kept.ok) return kept;
    if (kept.data.signed.authorization.from === from) transfers.push(kept.data);
  }
  return succeed(transfers.toSorted((a, b) => a.signedAt.localeCompare(b.signedAt)));
}

function fileOf(directory: string, nonce: Digest): string {
  return path.join(directory, `${nonce}.json`);
}

async function read(file: string): Promise<Outcome<KeptTransfer>> {
  const kept = readState(file, FORMAT);
  if (!kept.ok) return kept;
  const { id, signed } = kept.data;
  const hint = "If the owner does not know why, ask. The owner can move the file away.";
  if (path.basename(file) !== `${transferNonce(signed.authorization.from, id)}.json`)
    return fail("invalid_file", `The transfer "${file}" does not match its name.`, { hint });
  if (!(await provesTransfer(signed, FACILITATOR_DECIDES)).ok)
    return fail("invalid_file", `The transfer "${file}" is not signed by its account.`, { hint });
  return kept;
}

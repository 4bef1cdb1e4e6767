/**
 * Opening the owner's key: the only place in the CLI from which money is authorised. Commands of the agent never import it. While
 * the key is open, it also renews what this machine and the agent read the account's books with.
 */

import { openWithPassphrase, type PassphraseInput } from "../prompts/passphrase.ts";
import { type Context, warn } from "../runtime/context.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import { renewAccesses } from "./books-access.ts";
import { findKey, type FoundKey, isSealed, type RoleSigner, unlockKey } from "./key-file.ts";

/** Reads the public half. Asks for no passphrase. */
export function findOwner(context: Context, ownerFile: string | undefined): Outcome<FoundKey> {
  return findKey(context, "owner", ownerFile);
}

export async function openOwner(context: Context, found: FoundKey, input: PassphraseInput): Promise<Outcome<RoleSigner<"owner">>> {
  const opened = await open(context, found, input);
  if (opened.ok) context.typed?.opened(opened.data);
  if (opened.ok) await renewAccesses(context, opened.data);
  return opened;
}

async function open(context: Context, { file, key }: FoundKey, input: PassphraseInput): Promise<Outcome<RoleSigner<"owner">>> {
  if (!isSealed(key)) {
    warn(context, "This owner key is not sealed: anyone who can read the file can spend.");
    return unlockKey(key, "owner");
  }
  const owner = await openWithPassphrase(context, input, file, (passphrase) => unlockKey(key, "owner", passphrase));
  if (!owner.ok) return owner;
  owner.data.passphrase.wipe();
  return succeed(owner.data.opened);
}

import { openWithPassphrase, type PassphraseInput } from "../prompts/passphrase.ts";
/** Opening the owner's key: the only place in the CLI from which money is authorised. Commands of the agent never import it. */
import { type Context, warn } from "../runtime/context.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import { isSealed, type KeyFile, keyFile, readKeyFile, type RoleSigner, unlockKey } from "./key-file.ts";

export interface OwnerFile {
  file: string;
  key: KeyFile;
}

/** Reads the public half. Asks for no passphrase. */
export function findOwner(context: Context, ownerFile: string | undefined): Outcome<OwnerFile> {
  const file = keyFile(context, "owner", ownerFile);
  if (!file.ok) return file;
  const key = readKeyFile(file.data, "owner");
  return key.ok ? succeed({ file: file.data, key: key.data }) : key;
}

export async function openOwner(context: Context, { file, key }: OwnerFile, input: PassphraseInput): Promise<Outcome<RoleSigner<"owner">>> {
  if (!isSealed(key)) {
    warn(context, "This owner key is not sealed: anyone who can read the file can spend.");
    return unlockKey(key, "owner");
  }
  const owner = await openWithPassphrase(context, input, file, (passphrase) => unlockKey(key, "owner", passphrase));
  if (!owner.ok) return owner;
  owner.data.passphrase.wipe();
  return succeed(owner.data.opened);
}

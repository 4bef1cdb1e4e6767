/** The owner's key of the Logos Execution Zone itself, for commands that pay there: found by its file, opened with the passphrase. */

import { existsSync } from "node:fs";
import { openWithPassphrase, type PassphraseInput } from "../prompts/passphrase.ts";
import type { Context } from "../runtime/context.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import type { Secret } from "../runtime/secret.ts";
import { readKeyFile } from "./key-file.ts";
import { type LezKeyFile, newLezKeyFile, openLezKey, readLezKeyFile } from "./lez-key-file.ts";

export interface FoundLezKey {
  file: string;
  key: LezKeyFile;
}

/** The key in the file that was named, else in `lez-owner.json`. Reads the public half. */
export function findLezOwner(context: Context, given: string | undefined): Outcome<FoundLezKey> {
  const file = newLezKeyFile(context, given);
  if (!existsSync(file)) {
    return fail("key_not_found", `There is no key of the Logos Execution Zone at "${file}".`, {
      hint: "If you have one, name it: --owner-file. If not, create one: lez-agent-pay owner create --kind lez",
    });
  }
  const key = readLezKeyFile(file);
  if (key.ok) return succeed({ file, key: key.data });
  if (!readKeyFile(file, "owner").ok) return key;
  return fail("wrong_role", `"${file}" is a key of the mock ledger; this needs a key of the Logos Execution Zone itself.`, {
    hint: "The two have different accounts and different money. Name the other key's file: --owner-file.",
  });
}

/** Asks for the passphrase. The caller wipes the secret. */
export async function openLezOwner(context: Context, { file, key }: FoundLezKey, input: PassphraseInput): Promise<Outcome<Secret>> {
  const opened = await openWithPassphrase(context, input, file, (passphrase) => openLezKey(key, passphrase));
  if (!opened.ok) return opened;
  opened.data.passphrase.wipe();
  return succeed(opened.data.opened);
}

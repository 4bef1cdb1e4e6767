/** The owner's key of either kind, for commands that keep keys and spend nothing: shown, copied, sealed again. */

import type { Context } from "../runtime/context.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import type { Secret } from "../runtime/secret.ts";
import { isSealed, type KeyFile, resealKey, unlockKey } from "./key-file.ts";
import { type LezKeyFile, openLezKey, readLezKeyFile, resealLezKey } from "./lez-key-file.ts";
import { findOwner } from "./owner-key.ts";

/** `mock`: of our own ledger. `lez`: of the Logos Execution Zone itself. */
export const KEY_KINDS = ["mock", "lez"] as const;

export interface AnyOwner {
  file: string;
  kind: (typeof KEY_KINDS)[number];
  key: KeyFile | LezKeyFile;
  sealed: boolean;
  /** Opens the key, shows that it opens, and wipes it. */
  readonly tryOpen: (passphrase: Secret | undefined) => Promise<Outcome<undefined>>;
  /** @param passphrase undefined for a plain key */
  readonly reseal: (passphrase: Secret | undefined, newPassphrase: Secret) => Promise<Outcome<KeyFile | LezKeyFile>>;
}

/** A key of the chain itself is found by its file alone. Asks for no passphrase. */
export function findAnyOwner(context: Context, ownerFile: string | undefined): Outcome<AnyOwner> {
  const lez = ownerFile === undefined ? undefined : readLezKeyFile(ownerFile);
  if (lez?.ok && ownerFile !== undefined) return succeed(ofTheChain(ownerFile, lez.data));
  const found = findOwner(context, ownerFile);
  return found.ok ? succeed(ofTheMock(found.data.file, found.data.key)) : found;
}

function ofTheMock(file: string, key: KeyFile): AnyOwner {
  return {
    file,
    kind: "mock",
    key,
    sealed: isSealed(key),
    tryOpen: async (passphrase) => wiped(await unlockKey(key, "owner", passphrase)),
    reseal: (passphrase, newPassphrase) => resealKey(key, passphrase, newPassphrase),
  };
}

function ofTheChain(file: string, key: LezKeyFile): AnyOwner {
  return {
    file,
    kind: "lez",
    key,
    sealed: true,
    tryOpen: async (passphrase) => wiped(await openLezKey(key, passphrase)),
    reseal: (passphrase, newPassphrase) => resealLezKey(key, passphrase, newPassphrase),
  };
}

function wiped(opened: Outcome<{ wipe(): void }>): Outcome<undefined> {
  if (!opened.ok) return opened;
  opened.data.wipe();
  return succeed(undefined);
}

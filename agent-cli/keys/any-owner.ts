/** The owner's key of either kind, for commands that keep keys and spend nothing: shown, copied, sealed again. */

import { openWithPassphrase, type PassphraseInput } from "../prompts/passphrase.ts";
import type { Context } from "../runtime/context.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import type { Secret } from "../runtime/secret.ts";
import { type FoundKey, isSealed, type KeyFile, resealKey, unlockKey } from "./key-file.ts";
import type { KeyKind } from "./key-kinds.ts";
import { type LezKeyFile, openLezKey, readLezKeyFile, resealLezKey } from "./lez-key-file.ts";
import { findOwner, openOwner } from "./owner-key.ts";

export interface AnyOwner {
  file: string;
  kind: KeyKind;
  key: KeyFile | LezKeyFile;
  sealed: boolean;
  /** Asks for the passphrase, and shows that the key opens. Accesses to books are renewed meanwhile, as whenever a key is open. */
  readonly open: (context: Context, input: PassphraseInput) => Promise<Outcome<undefined>>;
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
  return found.ok ? succeed(ofTheMock(found.data)) : found;
}

function ofTheMock(found: FoundKey): AnyOwner {
  const { file, key } = found;
  return {
    file,
    kind: "ed25519",
    key,
    sealed: isSealed(key),
    open: async (context, input) => wiped(await openOwner(context, found, input)),
    tryOpen: async (passphrase) => wiped(await unlockKey(key, "owner", passphrase)),
    reseal: (passphrase, newPassphrase) => resealKey(key, passphrase, newPassphrase),
  };
}

function ofTheChain(file: string, key: LezKeyFile): AnyOwner {
  const tryOpen = async (passphrase: Secret | undefined) => wiped(await openLezKey(key, passphrase));
  return {
    file,
    kind: "lez",
    key,
    sealed: true,
    open: async (context, input) => {
      const opened = await openWithPassphrase(context, input, file, tryOpen);
      if (!opened.ok) return opened;
      opened.data.passphrase.wipe();
      return succeed(undefined);
    },
    tryOpen,
    reseal: (passphrase, newPassphrase) => resealLezKey(key, passphrase, newPassphrase),
  };
}

function wiped(opened: Outcome<{ wipe(): void }>): Outcome<undefined> {
  if (!opened.ok) return opened;
  opened.data.wipe();
  return succeed(undefined);
}

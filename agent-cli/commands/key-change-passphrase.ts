/** `key change-passphrase`: the same key under another passphrase. Seals a plain key. */

import * as z from "zod";
import { defineCommand } from "../command-line/command.ts";
import { ownerFileField } from "../command-line/fields.ts";
import { findAnyOwner } from "../keys/any-owner.ts";
import { choosePassphrase, openWithPassphrase, passphraseFields } from "../prompts/passphrase.ts";
import { interrupted } from "../prompts/prompts.ts";
import { writeJson } from "../runtime/files.ts";
import { field } from "../runtime/layout.ts";
import { succeed } from "../runtime/outcome.ts";

export const keyChangePassphrase = defineCommand({
  name: "key change-passphrase",
  audience: "owner",
  summary: "seal the owner's key with another passphrase",
  description: "The new file is opened once before it replaces the old one. Copies elsewhere keep the old passphrase.",
  input: z.strictObject({
    ownerFile: ownerFileField,
    ...passphraseFields,
    newPassphraseFile: z.string().optional().meta({ value: "file", description: "read the new passphrase from this file (mode 0600)" }),
    newPassphraseFd: passphraseFields.passphraseFd.meta({ value: "n", description: "read the new passphrase from this file descriptor" }),
  }),
  output: z.strictObject({ file: z.string(), account: z.string() }),
  examples: [
    { says: "asks for the old and the new one", argv: "key change-passphrase" },
    { says: "without a terminal", argv: "key change-passphrase --passphrase-file old.txt --new-passphrase-file new.txt" },
  ],
  async run(context, input) {
    const owner = findAnyOwner(context, input.ownerFile);
    if (!owner.ok) return owner;
    const { file, key, sealed: isSealed } = owner.data;
    const old = isSealed ? await openWithPassphrase(context, input, file, owner.data.tryOpen) : undefined;
    if (old && !old.ok) return old;
    const given = { passphraseFile: input.newPassphraseFile, passphraseFd: input.newPassphraseFd };
    const chosen = await choosePassphrase(context, given, "--new-passphrase");
    if (!chosen.ok) return chosen;
    const sealed = await owner.data.reseal(old?.data.passphrase, chosen.data);
    old?.data.passphrase.wipe();
    chosen.data.wipe();
    if (!sealed.ok) return sealed;
    if (context.io.signal.aborted) return interrupted("The key file is as it was.");
    const written = writeJson(file, sealed.data, true);
    return written.ok ? succeed({ file, account: key.account }) : written;
  },
  render: ({ file, account }, layout) => [
    layout.ink("green", `Sealed with the new passphrase: ${file}`),
    ...field(layout, "account", account),
  ],
});

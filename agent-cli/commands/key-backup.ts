/** `key backup`: copies the sealed key, once its passphrase has opened it. */

import * as z from "zod";
import { defineCommand } from "../command-line/command.ts";
import { forceField, nameField, ownerFileField } from "../command-line/fields.ts";
import { findAnyOwner } from "../keys/any-owner.ts";
import { checkDestination } from "../keys/output-file.ts";
import { passphraseFields } from "../prompts/passphrase.ts";
import { writeJson } from "../runtime/files.ts";
import { field } from "../runtime/layout.ts";
import { fail, succeed } from "../runtime/outcome.ts";

export const keyBackup = defineCommand({
  name: "key backup",
  audience: "owner",
  summary: "copy the sealed owner's key, once its passphrase has opened it",
  description: "The copy is sealed like the original. Keep it in another place, and the passphrase in a third.",
  input: z.strictObject({
    out: nameField.meta({ value: "file", description: "file for the copy" }),
    ownerFile: ownerFileField,
    ...passphraseFields,
    ...forceField,
  }),
  output: z.strictObject({ file: z.string(), account: z.string() }),
  examples: [
    { says: "to a USB stick", argv: "key backup --out /media/stick/owner.json" },
    { says: "without a terminal", argv: "key backup --out backup.json --passphrase-file secret.txt" },
  ],
  async run(context, input) {
    const owner = findAnyOwner(context, input.ownerFile);
    if (!owner.ok) return owner;
    const writable = checkDestination(input.out, input.force, owner.data.key.account);
    if (!writable.ok) return writable;
    if (!owner.data.sealed) {
      return fail("usage", "This key is not sealed: anyone who finds the copy could spend.", {
        hint: "Seal it first: lez-agent-pay key change-passphrase",
      });
    }
    const opened = await owner.data.open(context, input);
    if (!opened.ok) return opened;
    const written = writeJson(input.out, owner.data.key, input.force);
    return written.ok ? succeed({ file: input.out, account: owner.data.key.account }) : written;
  },
  render: ({ file, account }, layout) => [
    layout.ink("green", `The passphrase opens it; copied to ${file}`),
    ...field(layout, "account", account),
  ],
});

/** `key backup`: a copy of the sealed key, once it is certain that its passphrase opens it. */
import * as z from "zod";
import { defineCommand } from "../command-line/command.ts";
import { checkDestination } from "../keys/output-file.ts";
import { forceField, nameField, ownerFileField } from "../command-line/fields.ts";
import { writeJson } from "../runtime/files.ts";
import { isSealed } from "../keys/key-file.ts";
import { field } from "../runtime/layout.ts";
import { fail, succeed } from "../runtime/outcome.ts";
import { findOwner, openOwner } from "../keys/owner-key.ts";
import { passphraseFields } from "../prompts/passphrase.ts";

export const keyBackup = defineCommand({
  name: "key backup",
  audience: "owner",
  summary: "a copy of the sealed owner's key, tried before it is trusted",
  description: "The copy is as sealed as the original: keep it elsewhere, and the passphrase elsewhere again.",
  input: z.strictObject({
    out: nameField.meta({ value: "file", description: "where the copy goes" }),
    ownerFile: ownerFileField,
    ...passphraseFields,
    ...forceField,
  }),
  output: z.strictObject({ file: z.string(), account: z.string() }),
  examples: [
    { says: "onto a stick", argv: "key backup --out /media/stick/owner.json" },
    { says: "without a terminal", argv: "key backup --out backup.json --passphrase-file secret.txt" },
  ],
  async run(context, input) {
    const owner = findOwner(context, input.ownerFile);
    if (!owner.ok) return owner;
    const writable = checkDestination(input.out, input.force, owner.data.key.account);
    if (!writable.ok) return writable;
    if (!isSealed(owner.data.key)) {
      return fail("usage", "This key is not sealed; a copy of it would be money lying about.", {
        hint: "Seal it first: lez-agent-pay key change-passphrase",
      });
    }
    const opened = await openOwner(context, owner.data, input);
    if (!opened.ok) return opened;
    const written = writeJson(input.out, owner.data.key, input.force);
    return written.ok ? succeed({ file: input.out, account: owner.data.key.account }) : written;
  },
  render: ({ file, account }, layout) => [
    layout.ink("green", `The passphrase opens it; copied to ${file}`),
    ...field(layout, "account", account),
  ],
});

/** `key show`: the public half of a key. No command shows the secret half. */

import * as z from "zod";
import { defineCommand } from "../command-line/command.ts";
import { ownerFileField } from "../command-line/fields.ts";
import { isSealed } from "../keys/key-file.ts";
import { findOwner } from "../keys/owner-key.ts";
import { field } from "../runtime/layout.ts";
import { succeed } from "../runtime/outcome.ts";

export const keyShow = defineCommand({
  name: "key show",
  audience: "owner",
  readOnly: true,
  summary: "the public half of the owner's key",
  input: z.strictObject({ ownerFile: ownerFileField }),
  output: z.strictObject({ file: z.string(), account: z.string(), publicKey: z.string(), sealed: z.boolean(), createdAt: z.string() }),
  examples: [
    { says: "the configured key", argv: "key show" },
    { says: "another one", argv: "key show --owner-file savings.json" },
  ],
  async run(context, { ownerFile }) {
    const owner = findOwner(context, ownerFile);
    if (!owner.ok) return owner;
    const { file, key } = owner.data;
    return succeed({ file, account: key.account, publicKey: key.publicKey, sealed: isSealed(key), createdAt: key.createdAt });
  },
  render: ({ file, account, publicKey, sealed, createdAt }, layout) => [
    layout.ink("bold", account),
    ...field(layout, "public key", publicKey),
    ...field(layout, "file", file),
    ...field(layout, "sealed", sealed ? "with a passphrase" : "NO: anyone who reads the file can spend"),
    ...field(layout, "created", createdAt),
  ],
});

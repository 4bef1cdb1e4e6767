/** `key show`: the public half of a key. No command shows the secret half. */

import * as z from "zod";
import { defineCommand } from "../command-line/command.ts";
import { ownerFileField } from "../command-line/fields.ts";
import { findAnyOwner } from "../keys/any-owner.ts";
import { KEY_KINDS, KIND_TEXT } from "../keys/key-kinds.ts";
import { field } from "../runtime/layout.ts";
import { succeed } from "../runtime/outcome.ts";

export const keyShow = defineCommand({
  name: "key show",
  audience: "owner",
  readOnly: true,
  summary: "the public half of the owner's key",
  input: z.strictObject({ ownerFile: ownerFileField }),
  output: z.strictObject({
    file: z.string(),
    kind: z.enum(KEY_KINDS),
    account: z.string(),
    publicKey: z.string(),
    sealed: z.boolean(),
    createdAt: z.string(),
  }),
  examples: [
    { says: "the configured key", argv: "key show" },
    { says: "another one", argv: "key show --owner-file savings.json" },
  ],
  async run(context, { ownerFile }) {
    const owner = findAnyOwner(context, ownerFile);
    if (!owner.ok) return owner;
    const { file, kind, key, sealed } = owner.data;
    return succeed({ file, kind, account: key.account, publicKey: key.publicKey, sealed, createdAt: key.createdAt });
  },
  render: ({ file, kind, account, publicKey, sealed, createdAt }, layout) => [
    layout.ink("bold", account),
    ...field(layout, "kind", KIND_TEXT[kind]),
    ...field(layout, "public key", publicKey),
    ...field(layout, "file", file),
    ...field(layout, "sealed", sealed ? "with a passphrase" : "NO: anyone who reads the file can spend"),
    ...field(layout, "created", createdAt),
  ],
});

/** `owner create`: the key that authorises money. */

import * as z from "zod";
import { defineCommand } from "../command-line/command.ts";
import { forceField, newKeyField } from "../command-line/fields.ts";
import { createKeyFile } from "../keys/key-file.ts";
import { checkDestination, keyDestination } from "../keys/output-file.ts";
import { choosePassphrase, passphraseFields } from "../prompts/passphrase.ts";
import { interrupted } from "../prompts/prompts.ts";
import { writeJson } from "../runtime/files.ts";
import { field } from "../runtime/layout.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import type { Secret } from "../runtime/secret.ts";

export const ownerCreate = defineCommand({
  name: "owner create",
  audience: "owner",
  summary: "create the owner's key and account",
  description: "The key is sealed with a passphrase that only the owner knows: anyone who has both can spend.",
  input: z.strictObject({
    out: newKeyField,
    ...passphraseFields,
    insecurePlaintext: z.boolean().default(false).meta({ description: "do not seal the key: for demos and tests only" }),
    ...forceField,
  }),
  output: z.strictObject({ file: z.string(), account: z.string(), publicKey: z.string(), sealed: z.boolean() }),
  examples: [
    { says: "asks for a passphrase, twice", argv: "owner create" },
    { says: "without a terminal", argv: "owner create --passphrase-file secret.txt" },
  ],
  async run(context, input) {
    const file = keyDestination(context, "owner", input.out, (file) => checkDestination(file, input.force));
    if (!file.ok) return file;
    const passphrase: Outcome<Secret | undefined> = input.insecurePlaintext
      ? succeed(undefined)
      : await choosePassphrase(context, input, "--passphrase");
    if (!passphrase.ok) return passphrase;
    const key = await createKeyFile("owner", passphrase.data && { passphrase: passphrase.data });
    passphrase.data?.wipe();
    if (context.io.signal.aborted) return interrupted("Nothing was written.");
    const written = writeJson(file.data, key, input.force);
    if (!written.ok) return written;
    const { account, publicKey } = key;
    return succeed(
      { file: file.data, account, publicKey, sealed: !input.insecurePlaintext },
      { argv: ["lez-agent-pay", "faucet", "--account", account], by: "owner", why: "put test money into the account" },
    );
  },
  render: ({ file, account, sealed }, layout) => [
    layout.ink("green", `Owner key written to ${file}`),
    ...field(layout, "account", account),
    ...field(
      layout,
      "sealed",
      sealed ? "with your passphrase; there is no way back without it" : "NO: anyone who reads the file can spend",
    ),
  ],
});

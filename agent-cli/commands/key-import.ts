/** `key import`: a key of the chain itself that the owner has: digits, words, or a file of LEZ's wallet. */

import * as z from "zod";
import { defineCommand } from "../command-line/command.ts";
import { forceField, newKeyField } from "../command-line/fields.ts";
import { KIND_TEXT } from "../keys/key-kinds.ts";
import { importLezKey } from "../keys/lez-import.ts";
import { writeLezKey } from "../keys/lez-key-file.ts";
import { lezKeyDestination } from "../keys/output-file.ts";
import { choosePassphrase, passphraseFields } from "../prompts/passphrase.ts";
import { field } from "../runtime/layout.ts";
import { succeed } from "../runtime/outcome.ts";

export const keyImport = defineCommand({
  name: "key import",
  audience: "owner",
  summary: "seal a key of the Logos Execution Zone itself that you have",
  description: [
    "Without --mnemonic and --lez-wallet it asks for the secret key, 64 hex digits, on a terminal, and shows the account that it has before it writes anything. No argument or variable takes a key or a word.",
    "--mnemonic asks for the words of BIP-39, in English and without a passphrase, and derives the key at --path as LEZ v0.3 does. Not tried with LEZ's own wallet: it is checked against keys that LEZ's code has made. v0.2 derives other accounts from the same words. Either --account names the account, which is then looked for among the first 64 keys, or you type the end of the one that you expect.",
    "--lez-wallet reads the public accounts in storage.json of LEZ's wallet, computes each account from its key again, and takes none that differs. It reads no private account, no group and no mnemonic. That file stays as it is, in plain text.",
  ].join("\n\n"),
  input: z.strictObject({
    kind: z.literal("lez").default("lez").meta({ description: "lez: of the Logos Execution Zone itself, the only kind that is imported" }),
    mnemonic: z.boolean().default(false).meta({ description: "derive the key from words, which are asked for" }),
    path: z.string().optional().meta({ value: "path", description: "which key of the words: / is the root; /0" }),
    lezWallet: z.string().optional().meta({ value: "file", description: "read the key from storage.json of LEZ's wallet" }),
    account: z.string().optional().meta({ value: "id", description: "the account whose key to take; refused if it is not there" }),
    out: newKeyField,
    ...passphraseFields,
    ...forceField,
  }),
  output: z.strictObject({
    file: z.string(),
    kind: z.literal("lez"),
    account: z.string(),
    publicKey: z.string(),
    /** Of a key that was derived from words. */
    path: z.string().optional(),
    sealed: z.boolean(),
    books: z.boolean(),
  }),
  examples: [
    { says: "asks for the key, then for a new passphrase", argv: "key import --kind lez" },
    { says: "from words, the account that you know", argv: "key import --mnemonic --account 9GfY4u7g67my3mjFQi3Dm8J5kqQ7T4wvi6cPE2ku88j4" },
    { says: "from words, the second key", argv: "key import --mnemonic --path /1 --out second.json" },
    { says: "from LEZ's own wallet", argv: "key import --lez-wallet ~/.lee/wallet/storage.json" },
  ],
  async run(context, input) {
    const file = lezKeyDestination(context, input.out, input.force);
    if (!file.ok) return file;
    const imported = await importLezKey(context, input);
    if (!imported.ok) return imported;
    const { secretKey, path } = imported.data;
    const passphrase = await choosePassphrase(context, input, "--passphrase");
    if (!passphrase.ok) {
      secretKey.wipe();
      return passphrase;
    }
    const written = await writeLezKey(context, file.data, input.force, secretKey, passphrase.data);
    return written.ok ? succeed({ ...written.data, ...(path !== undefined && { path }) }) : written;
  },
  render: ({ file, account, path }, layout) => [
    layout.ink("green", `Owner key written to ${file}`),
    ...field(layout, "account", account),
    ...(path === undefined ? [] : field(layout, "path", path)),
    ...field(layout, "kind", KIND_TEXT.lez),
    ...field(layout, "sealed", "with your passphrase; there is no way back without it"),
  ],
});

/** `key import`: a raw key of the chain itself, typed in. */

import * as z from "zod";
import { defineCommand } from "../command-line/command.ts";
import { forceField, newKeyField } from "../command-line/fields.ts";
import { lezAccountOf, LEZ_KIND, secretOfHex, writeLezKey } from "../keys/lez-key-file.ts";
import { lezKeyDestination } from "../keys/output-file.ts";
import { choosePassphrase, passphraseFields } from "../prompts/passphrase.ts";
import { askPassphrase, askYesOrNo, interrupted } from "../prompts/prompts.ts";
import { field } from "../runtime/layout.ts";
import { fail } from "../runtime/outcome.ts";

export const keyImport = defineCommand({
  name: "key import",
  audience: "owner",
  summary: "seal a key of the Logos Execution Zone itself that you have",
  description:
    "Asks for the secret key, 64 hex digits, on a terminal, and shows the account that it has before it writes anything. No argument, file or variable takes the key. Mnemonics and the LEZ wallet's own files are not read.",
  input: z.strictObject({
    kind: z.literal("lez").meta({ description: "lez: of the Logos Execution Zone itself, the only kind that is imported" }),
    out: newKeyField,
    ...passphraseFields,
    ...forceField,
  }),
  output: z.strictObject({
    file: z.string(),
    kind: z.literal("lez"),
    account: z.string(),
    publicKey: z.string(),
    sealed: z.boolean(),
    books: z.boolean(),
  }),
  examples: [
    { says: "asks for the key, then for a new passphrase", argv: "key import --kind lez" },
    { says: "into another file", argv: "key import --kind lez --out second.json" },
  ],
  async run(context, input) {
    const file = lezKeyDestination(context, input.out, input.force);
    if (!file.ok) return file;
    if (!context.interactive) {
      return fail("interaction_required", "A secret key is typed in, and there is no terminal to ask on.", {
        hint: "Run this in a terminal.",
      });
    }
    const typed = await askPassphrase(context, "Secret key, 64 hex digits", (text) => (secretOfHex(text) ? undefined : "64 hex digits"));
    const secretKey = typed === undefined ? undefined : secretOfHex(typed);
    if (!secretKey) return interrupted("No key was made.");
    const known = await lezAccountOf(secretKey);
    if (!known) return fail("usage", "These 32 bytes are no key: zero, or not below the order of the curve.");
    context.say(`Its account: ${known.account}`);
    const isRight = await askYesOrNo(context, "Is this the account that you expect?");
    if (!isRight) {
      secretKey.wipe();
      if (isRight === undefined) return interrupted("No key was made.");
      return fail("usage", "This is not the account that you expect. No key was made.", {
        hint: "Releases of LEZ derive other keys from the same words: take the key of the release that made the account.",
      });
    }
    const passphrase = await choosePassphrase(context, input, "--passphrase");
    if (!passphrase.ok) return passphrase;
    return writeLezKey(context, file.data, input.force, secretKey, passphrase.data);
  },
  render: ({ file, account }, layout) => [
    layout.ink("green", `Owner key written to ${file}`),
    ...field(layout, "account", account),
    ...field(layout, "kind", LEZ_KIND),
    ...field(layout, "sealed", "with your passphrase; there is no way back without it"),
  ],
});

/** `owner create`: the key that authorises money. */

import * as z from "zod";
import { defineCommand } from "../command-line/command.ts";
import { forceField, newKeyField } from "../command-line/fields.ts";
import { makeBooks, placeOf } from "../facilitator/books.ts";
import { createKeyFile, type KeyFile, unlockKey } from "../keys/key-file.ts";
import { KEY_KINDS, KIND_TEXT } from "../keys/key-kinds.ts";
import { generateLezSecret, writeLezKey } from "../keys/lez-key-file.ts";
import { checkDestination, keyDestination, lezKeyDestination } from "../keys/output-file.ts";
import { choosePassphrase, passphraseFields, type PassphraseInput } from "../prompts/passphrase.ts";
import { interrupted } from "../prompts/prompts.ts";
import type { Context } from "../runtime/context.ts";
import { writeJson } from "../runtime/files.ts";
import { field } from "../runtime/layout.ts";
import { BALANCE_TIMEOUT_SECONDS } from "../runtime/limits.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import type { Secret } from "../runtime/secret.ts";

export const ownerCreate = defineCommand({
  name: "owner create",
  audience: "owner",
  summary: "create the owner's key and account",
  description:
    "The key is sealed with a passphrase that only the owner knows: anyone who has both can spend. If the facilitator answers, the key signs an access with which this machine reads the new account's balance and journal.",
  input: z.strictObject({
    out: newKeyField,
    ...passphraseFields,
    kind: z
      .enum([...KEY_KINDS, "mock"])
      .default("ed25519")
      .meta({ description: "ed25519 (or mock): of the mock ledger; lez: of the Logos Execution Zone itself; ed25519" }),
    insecurePlaintext: z.boolean().default(false).meta({ description: "do not seal the key: for demos and tests only" }),
    ...forceField,
  }),
  output: z.strictObject({
    file: z.string(),
    kind: z.enum(KEY_KINDS),
    account: z.string(),
    publicKey: z.string(),
    sealed: z.boolean(),
    /** Whether this machine has an access to the account's books. */
    books: z.boolean(),
  }),
  examples: [
    { says: "asks for a passphrase, twice", argv: "owner create" },
    { says: "without a terminal", argv: "owner create --passphrase-file secret.txt" },
    { says: "a key for the chain itself, in lez-owner.json", argv: "owner create --kind lez" },
  ],
  async run(context, input) {
    if (input.kind === "lez") return createLez(context, input);
    const file = keyDestination(context, "owner", input.out, (file) => checkDestination(file, input.force));
    if (!file.ok) return file;
    const passphrase: Outcome<Secret | undefined> = input.insecurePlaintext
      ? succeed(undefined)
      : await choosePassphrase(context, input, "--passphrase");
    if (!passphrase.ok) return passphrase;
    const key = await createKeyFile("owner", passphrase.data && { passphrase: passphrase.data });
    if (context.io.signal.aborted) return interrupted("No key was made.");
    const written = writeJson(file.data, key, input.force);
    if (!written.ok) return written;
    const { account, publicKey } = key;
    const books = await openBooks(context, key, passphrase.data);
    passphrase.data?.wipe();
    return succeed(
      { file: file.data, kind: "ed25519" as const, account, publicKey, sealed: !input.insecurePlaintext, books },
      { argv: ["lez-agent-pay", "faucet", "--account", account], by: "owner", why: "put test money into the account" },
    );
  },
  render: ({ file, kind, account, sealed, books }, layout) => [
    layout.ink("green", `Owner key written to ${file}`),
    ...field(layout, "account", account),
    ...field(layout, "kind", KIND_TEXT[kind]),
    ...field(
      layout,
      "sealed",
      sealed ? "with your passphrase; there is no way back without it" : "NO: anyone who reads the file can spend",
    ),
    ...(books || kind === "lez"
      ? []
      : field(layout, "balance", "no facilitator answered; lez-agent-pay accounts asks later, for the passphrase if it must")),
  ],
});

async function createLez(
  context: Context,
  input: PassphraseInput & { out?: string | undefined; force: boolean; insecurePlaintext: boolean },
) {
  if (input.insecurePlaintext)
    return fail("usage", "A key of the chain itself is always sealed.", { hint: "Leave --insecure-plaintext out." });
  const file = lezKeyDestination(context, input.out, input.force);
  if (!file.ok) return file;
  const passphrase = await choosePassphrase(context, input, "--passphrase");
  if (!passphrase.ok) return passphrase;
  return writeLezKey(context, file.data, input.force, await generateLezSecret(), passphrase.data);
}

/** Never fails: the key is made, and `accounts` makes the access as well. */
async function openBooks(context: Context, key: KeyFile, passphrase: Secret | undefined): Promise<boolean> {
  const place = await placeOf(context, { allowHttp: false }, BALANCE_TIMEOUT_SECONDS);
  if (!place.ok) return false;
  const owner = await unlockKey(key, "owner", passphrase);
  if (!owner.ok) return false;
  const made = await makeBooks(context, owner.data, place.data);
  owner.data.wipe();
  return made.ok;
}

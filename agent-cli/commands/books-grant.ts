/** `books grant`: an access to the account's books, in a file, for a key on another machine, or for a Worker with a key of its own. */

import * as z from "zod";
import { publicKeySchema } from "../../shared/crypto/bytes.ts";
import { parseTimestamp } from "../../shared/time.ts";
import { defineCommand } from "../command-line/command.ts";
import { forceField, nameField, ownerFileField } from "../command-line/fields.ts";
import { placeOf } from "../facilitator/books.ts";
import { facilitatorFields } from "../facilitator/client.ts";
import { accessFor, accessText, endOf, heldAccessFor } from "../keys/books-access.ts";
import { checkDestination } from "../keys/output-file.ts";
import { findOwner, openOwner } from "../keys/owner-key.ts";
import { passphraseFields } from "../prompts/passphrase.ts";
import { jsonText, writeWhole } from "../runtime/files.ts";
import { field } from "../runtime/layout.ts";
import { fail, succeed } from "../runtime/outcome.ts";
import { shellWord } from "../runtime/shell-quote.ts";

const KEY = "must be the reader's public key, 64 hex digits: lez-agent-pay whoami shows an agent's";

export const booksGrant = defineCommand({
  name: "books grant",
  audience: "owner",
  summary: "let a key on another machine read the account",
  description:
    "For an agent that runs elsewhere. The key reads the account's balance and journal for 30 days, and moves nothing. `books import` takes the file there. With --new-key the file has a key that is made for it, and is the secret SELLER_ACCESS of a shop's Worker. Grant it again before it ends; `books revoke` ends it at once.",
  input: z.strictObject({
    reader: z
      .string()
      .refine((key) => publicKeySchema.safeParse(key).success, KEY)
      .optional()
      .meta({ positional: true, value: "public-key", description: "the key that will read" }),
    newKey: z.boolean().default(false).meta({ description: "make the key that will read, and write it to the file, too: for a Worker" }),
    out: nameField.meta({ value: "file", description: "the file for the other machine" }),
    ownerFile: ownerFileField,
    ...passphraseFields,
    ...facilitatorFields,
    ...forceField,
  }),
  output: z.strictObject({
    file: z.string(),
    account: z.string(),
    reader: z.string(),
    facilitator: z.string(),
    /** RFC 3339. */
    until: z.string().refine((time) => parseTimestamp(time) !== undefined),
    /** Whether the file has the key that reads. */
    secret: z.boolean(),
  }),
  examples: [
    { says: "the key that `whoami` shows on the agent's machine", argv: `books grant ${"8a".repeat(32)} --out access.json` },
    { says: "without a terminal", argv: `books grant ${"8a".repeat(32)} --out access.json --passphrase-file secret.txt` },
    { says: "for the seller's page of a shop", argv: "books grant --new-key --out access.json" },
  ],
  async run(context, input) {
    if ((input.reader === undefined) !== input.newKey)
      return fail("usage", "Name the public key that will read, or let one be made with --new-key: one of the two.", {
        hint: "lez-agent-pay whoami shows an agent's key. --new-key is for the secret SELLER_ACCESS of a shop's Worker.",
      });
    const found = findOwner(context, input.ownerFile);
    if (!found.ok) return found;
    const writable = checkDestination(input.out, input.force);
    if (!writable.ok) return writable;
    const place = await placeOf(context, input);
    if (!place.ok) return place;
    const owner = await openOwner(context, found.data, input);
    if (!owner.ok) return owner;
    const held = input.reader === undefined ? await heldAccessFor(owner.data, place.data) : undefined;
    const access = held ?? (await accessFor(owner.data, place.data, input.reader ?? ""));
    owner.data.wipe();
    const written = writeWhole(input.out, held ? jsonText(held) : accessText(access), input.force);
    if (!written.ok) return written;
    const { account, facilitator } = access;
    const made = { file: input.out, account, reader: access.access.reader, facilitator, until: endOf(access) };
    if (held) return succeed({ ...made, secret: true });
    return succeed(
      { ...made, secret: false },
      { argv: ["lez-agent-pay", "books", "import", input.out], by: "agent", why: "on the other machine: keep it" },
    );
  },
  render: ({ file, account, reader, until, secret }, layout) => [
    layout.ink("green", `Access written to ${file}`),
    ...field(layout, "account", account),
    ...field(layout, "reader", reader),
    ...field(layout, "until", until),
    ...(secret
      ? [
          "Who has the file reads the account. Give it to the shop's Worker, and delete it:",
          `  npx wrangler secret put SELLER_ACCESS < ${shellWord(file)}`,
        ]
      : []),
  ],
});

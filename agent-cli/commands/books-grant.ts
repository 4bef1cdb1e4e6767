/** `books grant`: an access to the account's books, in a file, for a key on another machine. */

import * as z from "zod";
import { publicKeySchema } from "../../shared/crypto/bytes.ts";
import { parseTimestamp } from "../../shared/time.ts";
import { defineCommand } from "../command-line/command.ts";
import { forceField, nameField, ownerFileField } from "../command-line/fields.ts";
import { placeOf } from "../facilitator/books.ts";
import { facilitatorFields } from "../facilitator/client.ts";
import { accessFor, accessText, endOf } from "../keys/books-access.ts";
import { checkDestination } from "../keys/output-file.ts";
import { findOwner, openOwner } from "../keys/owner-key.ts";
import { passphraseFields } from "../prompts/passphrase.ts";
import { writeWhole } from "../runtime/files.ts";
import { field } from "../runtime/layout.ts";
import { succeed } from "../runtime/outcome.ts";

const KEY = "must be the reader's public key, 64 hex digits: lez-agent-pay whoami shows an agent's";

export const booksGrant = defineCommand({
  name: "books grant",
  audience: "owner",
  summary: "let a key on another machine read the account",
  description:
    "For an agent that runs elsewhere. The key reads the account's balance and journal for 30 days, and moves nothing. `books import` takes the file there. Grant it again before it ends; `books revoke` ends it at once.",
  input: z.strictObject({
    reader: z
      .string()
      .refine((key) => publicKeySchema.safeParse(key).success, KEY)
      .meta({ positional: true, value: "public-key", description: "the key that will read" }),
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
  }),
  examples: [
    { says: "the key that `whoami` shows on the agent's machine", argv: `books grant ${"8a".repeat(32)} --out access.json` },
    { says: "without a terminal", argv: `books grant ${"8a".repeat(32)} --out access.json --passphrase-file secret.txt` },
  ],
  async run(context, input) {
    const found = findOwner(context, input.ownerFile);
    if (!found.ok) return found;
    const writable = checkDestination(input.out, input.force);
    if (!writable.ok) return writable;
    const place = await placeOf(context, input);
    if (!place.ok) return place;
    const owner = await openOwner(context, found.data, input);
    if (!owner.ok) return owner;
    const access = await accessFor(owner.data, place.data, input.reader);
    owner.data.wipe();
    const written = writeWhole(input.out, accessText(access), input.force);
    if (!written.ok) return written;
    const { account, facilitator } = access;
    return succeed(
      { file: input.out, account, reader: input.reader, facilitator, until: endOf(access) },
      { argv: ["lez-agent-pay", "books", "import", input.out], by: "agent", why: "on the other machine: keep it" },
    );
  },
  render: ({ file, account, reader, until }, layout) => [
    layout.ink("green", `Access written to ${file}`),
    ...field(layout, "account", account),
    ...field(layout, "reader", reader),
    ...field(layout, "until", until),
  ],
});

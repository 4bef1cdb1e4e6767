/** `books import`: keeps an access that the owner granted on another machine. */

import * as z from "zod";
import { defineCommand } from "../command-line/command.ts";
import { nameField } from "../command-line/fields.ts";
import { endOf, importAccess, readAccessFile } from "../keys/books-access.ts";
import { field } from "../runtime/layout.ts";
import { succeed } from "../runtime/outcome.ts";

export const booksImport = defineCommand({
  name: "books import",
  audience: "agent",
  summary: "keep an access to an account that its owner granted elsewhere",
  description:
    "Takes what `books grant` wrote. It is kept only if it is genuine, still counts, and is for the agent's key of this machine.",
  input: z.strictObject({ access: nameField.meta({ positional: true, value: "file", description: "the access" }) }),
  output: z.strictObject({ account: z.string(), facilitator: z.string(), until: z.string() }),
  examples: [
    { says: "what the owner sent", argv: "books import access.json" },
    { says: "the same, for a program", argv: "books import access.json --json" },
  ],
  async run(context, { access: file }) {
    const read = readAccessFile(context, file);
    if (!read.ok) return read;
    const kept = await importAccess(context, read.data, file);
    if (!kept.ok) return kept;
    const { account, facilitator } = read.data;
    return succeed({ account, facilitator, until: endOf(read.data) });
  },
  render: ({ account, facilitator, until }, layout) => [
    layout.ink("green", "Access kept"),
    ...field(layout, "account", account),
    ...field(layout, "facilitator", facilitator, 13),
    ...field(layout, "until", until),
  ],
});

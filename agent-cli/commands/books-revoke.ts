/** `books revoke`: voids every access to the account's books, and makes this machine a new one. */

import * as z from "zod";
import { formatTimestamp } from "../../shared/time.ts";
import { defineCommand } from "../command-line/command.ts";
import { ownerFileField } from "../command-line/fields.ts";
import { placeOf, revokeBooks } from "../facilitator/books.ts";
import { facilitatorFields } from "../facilitator/client.ts";
import { findOwner, openOwner } from "../keys/owner-key.ts";
import { passphraseFields } from "../prompts/passphrase.ts";
import { field } from "../runtime/layout.ts";
import { fail, succeed } from "../runtime/outcome.ts";

export const booksRevoke = defineCommand({
  name: "books revoke",
  audience: "owner",
  summary: "void every access to the account's books",
  description:
    "For when a key that reads may have been copied: an agent's, or this machine's. No machine and no agent reads the account's balance and journal any more, but for this machine, which gets a new key and a new access. The agent's present key gets none again; a new one does, at the owner's next passphrase. Money is not touched.",
  input: z.strictObject({ ownerFile: ownerFileField, ...passphraseFields, ...facilitatorFields }),
  output: z.strictObject({ account: z.string(), facilitator: z.string(), ledger: z.string(), through: z.string() }),
  examples: [
    { says: "of the configured account", argv: "books revoke" },
    { says: "without a terminal", argv: "books revoke --passphrase-file secret.txt" },
  ],
  async run(context, input) {
    const found = findOwner(context, input.ownerFile);
    if (!found.ok) return found;
    const place = await placeOf(context, input);
    if (!place.ok) return place;
    const owner = await openOwner(context, found.data, input);
    if (!owner.ok) return owner;
    const through = await revokeBooks(context, input, owner.data, place.data);
    owner.data.wipe();
    if (through.ok) return succeed({ account: owner.data.account, ...place.data, through: formatTimestamp(through.data) });
    if (through.error.code !== "not_found") return through;
    return fail("unsupported", "This facilitator knows no accesses: its books are open to every caller.", {
      hint: "Its operator closes them with a newer version and BOOKS = keyed.",
    });
  },
  render: ({ account, through, ledger }, layout) => [
    layout.ink("green", `Every access that was made until ${through} is void; this machine has a new one`),
    ...field(layout, "account", account),
    ...field(layout, "ledger", ledger),
  ],
});

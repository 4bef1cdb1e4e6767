/** `explore`: the link to the explorer, with an access to the books for an hour where they are closed. */

import * as z from "zod";
import { bytesToHex, publicKeySchema } from "../../shared/crypto/bytes.ts";
import { digestSchema } from "../../shared/crypto/digest.ts";
import { explorerLink, type Opening } from "../../shared/explorer/link.ts";
import { EXPLORER_ACCESS_SECONDS } from "../../shared/limits.ts";
import { parseAccountId } from "../../shared/protocol/account.ts";
import { grantAccess } from "../../shared/protocol/books-access.ts";
import { generateSecretKey, keySigner } from "../../shared/protocol/signer.ts";
import { formatTimestamp, parseTimestamp, unixNow } from "../../shared/time.ts";
import { defineCommand } from "../command-line/command.ts";
import { ownerFileField } from "../command-line/fields.ts";
import { facilitatorFields } from "../facilitator/client.ts";
import { booksAreOpen, explorerPlace } from "../facilitator/explorer.ts";
import { findOwner, openOwner } from "../keys/owner-key.ts";
import { passphraseFields } from "../prompts/passphrase.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { field } from "../runtime/layout.ts";
import { fail, refuse, succeed } from "../runtime/outcome.ts";

export const explore = defineCommand({
  name: "explore",
  audience: "owner",
  summary: "look at an account's books in a browser",
  description:
    "Prints the link of the facilitator's explorer, which computes the chain of the account's entries again in the browser. Where the books are closed, the link has a key that reads them for an hour, and moves nothing: keep it to yourself. `books revoke` ends it at once.",
  input: z.strictObject({
    subject: z
      .string()
      .optional()
      .meta({ positional: true, value: "subject", description: "an account, or a transaction of the owner's; else the owner's account" }),
    ledgerKey: z
      .string()
      .refine((key) => publicKeySchema.safeParse(key).success, "must be a public key, 64 hex digits")
      .optional()
      .meta({ value: "public-key", description: "the ledger's key that you know: the page compares it with what the facilitator names" }),
    ownerFile: ownerFileField,
    ...passphraseFields,
    ...facilitatorFields,
  }),
  output: z.strictObject({
    link: z.string(),
    account: z.string(),
    transaction: z.string().optional(),
    /** RFC 3339; absent where the books are public. */
    until: z
      .string()
      .refine((time) => parseTimestamp(time) !== undefined)
      .optional(),
  }),
  examples: [
    { says: "the owner's account", argv: "explore" },
    { says: "one transaction in its books", argv: `explore ${"4c".repeat(32)}` },
    { says: "another account, where books are public", argv: "explore 6eWyGpH153eS9V4aFjAqDEFuUAjVCbk1sGcSHcMx4oKj" },
  ],
  async run(context, { subject, ledgerKey, ...input }) {
    const transaction = subject === undefined ? undefined : digestSchema.safeParse(subject).data;
    const named = subject === undefined || transaction !== undefined ? undefined : parseAccountId(subject);
    if (named?.ok === false) return fail("usage", "This is neither an account nor a transaction, which has 64 hex digits.");
    const found = named ? undefined : findOwner(context, input.ownerFile);
    if (found && !found.ok) return found;
    const account = named ? named.account : found?.data.key.account;
    if (account === undefined) return fail("usage", "Name an account.");
    const place = await explorerPlace(context, input);
    if (!place.ok) return place;
    const { facilitator, ledger } = place.data;
    const opening: Opening = { account, ...(transaction !== undefined && { transaction }), ...(ledgerKey !== undefined && { ledgerKey }) };
    const shown = { account, ...(transaction !== undefined && { transaction }) };
    const open = await booksAreOpen(context, input, account);
    if (!open.ok) return open;
    if (open.data) return succeed({ link: explorerLink(facilitator, opening), ...shown });
    const owner = found ?? findOwner(context, input.ownerFile);
    if (!owner.ok) return owner;
    if (owner.data.key.account !== account) {
      return refuse("unauthorized", EXIT.notSetUp, `The books of ${account} are closed, and the owner's key here is of another account.`, {
        hint: "Its owner runs lez-agent-pay explore, or names the key: --owner-file FILE",
      });
    }
    const opened = await openOwner(context, owner.data, input);
    if (!opened.ok) return opened;
    const secretKey = generateSecretKey();
    const { publicKey } = await keySigner(secretKey);
    const now = unixNow();
    const signed = await grantAccess(opened.data, ledger, publicKey, now, EXPLORER_ACCESS_SECONDS);
    opened.data.wipe();
    const link = explorerLink(facilitator, { ...opening, books: { signed, readerKey: bytesToHex(secretKey) } });
    return succeed({ link, ...shown, until: formatTimestamp(now + EXPLORER_ACCESS_SECONDS) });
  },
  render: ({ link, until }, layout) => [
    link,
    ...(until === undefined ? [] : field(layout, "reads until", `${until}. The link is a key to these books: keep it to yourself.`)),
  ],
});

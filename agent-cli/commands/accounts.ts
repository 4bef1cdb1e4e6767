/** `accounts`: the owner's accounts and their balances. */

import * as z from "zod";
import { defineCommand } from "../command-line/command.ts";
import { askBalance, balanceSchema } from "../facilitator/balances.ts";
import { facilitatorFields } from "../facilitator/client.ts";
import { withOpenBooks } from "../facilitator/open-books.ts";
import { isSealed } from "../keys/key-file.ts";
import { findOwner } from "../keys/owner-key.ts";
import { passphraseFields } from "../prompts/passphrase.ts";
import { field } from "../runtime/layout.ts";
import { succeed } from "../runtime/outcome.ts";

/** Failures of the owner at the passphrase. Every other one is a line beside the account. */
const OWN = new Set(["keystore_locked", "interrupted", "usage"]);

export const accounts = defineCommand({
  name: "accounts",
  audience: "owner",
  summary: "the owner's accounts and their balances",
  description:
    "Where a facilitator shows an account to its owner alone, the first look asks for the passphrase. It signs an access for a key of this machine, and one for the agent's key if it is here. Both read for 30 days, move nothing, and are renewed when the passphrase is typed for something else.",
  input: z.strictObject({
    ownerFile: z
      .array(z.string())
      .default([])
      .meta({ value: "file", local: true, description: "an owner's key; may be repeated; else the configured one" }),
    ...passphraseFields,
    ...facilitatorFields,
  }),
  output: z.strictObject({
    accounts: z.array(
      z.strictObject({
        file: z.string(),
        account: z.string(),
        sealed: z.boolean(),
        createdAt: z.string(),
        balance: balanceSchema.optional(),
        /** Why there is no balance. */
        problem: z.string().optional(),
      }),
    ),
  }),
  examples: [
    { says: "the configured account", argv: "accounts" },
    { says: "two of them", argv: "accounts --owner-file owner.json --owner-file savings.json" },
  ],
  async run(context, input) {
    const accounts = [];
    for (const named of input.ownerFile.length > 0 ? input.ownerFile : [undefined]) {
      const owner = findOwner(context, named);
      if (!owner.ok) return owner;
      const { file, key } = owner.data;
      const { account, createdAt } = key;
      const balance = await withOpenBooks(context, input, owner.data, () => askBalance(context, input, account));
      if (!balance.ok && OWN.has(balance.error.code)) return balance;
      accounts.push({
        file,
        account,
        sealed: isSealed(key),
        createdAt,
        ...(balance.ok ? { balance: balance.data } : { problem: balance.error.message }),
      });
    }
    return succeed({ accounts });
  },
  render: ({ accounts }, layout) =>
    accounts.flatMap(({ file, account, sealed, balance, problem }) => [
      layout.ink("bold", balance ? balance.spendable.display : "balance unknown"),
      ...field(layout, "account", account),
      ...field(layout, "key", `${file}${sealed ? "" : ", NOT sealed"}`),
      ...(balance ? [] : field(layout, "because", problem ?? "")),
    ]),
});

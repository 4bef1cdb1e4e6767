/** `accounts`: the owner's accounts and their balances. */

import * as z from "zod";
import { defineCommand } from "../command-line/command.ts";
import { askBalance, balanceSchema } from "../facilitator/balances.ts";
import { facilitatorFields } from "../facilitator/client.ts";
import { isSealed } from "../keys/key-file.ts";
import { findOwner } from "../keys/owner-key.ts";
import { field } from "../runtime/layout.ts";
import { succeed } from "../runtime/outcome.ts";

export const accounts = defineCommand({
  name: "accounts",
  audience: "owner",
  readOnly: true,
  summary: "the owner's accounts and their balances",
  input: z.strictObject({
    ownerFile: z
      .array(z.string())
      .default([])
      .meta({ value: "file", local: true, description: "an owner's key; may be repeated; else the configured one" }),
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
      const balance = await askBalance(context, input, account);
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

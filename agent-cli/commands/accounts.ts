/** `accounts`: the owner's accounts and their balances. */
import * as z from "zod";
import { defineCommand } from "../command-line/command.ts";
import { askBalance, balanceSchema } from "../facilitator/balances.ts";
import { facilitatorFields } from "../facilitator/client.ts";
import { isSealed, keyFile, readKeyFile } from "../keys/key-file.ts";
import type { Context } from "../runtime/context.ts";
import { field } from "../runtime/layout.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";

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
    const files = filesOf(context, input.ownerFile);
    if (!files.ok) return files;
    const accounts = [];
    for (const file of files.data) {
      const key = readKeyFile(file, "owner");
      if (!key.ok) return key;
      const { account, createdAt } = key.data;
      const balance = await askBalance(context, input, account);
      accounts.push({
        file,
        account,
        sealed: isSealed(key.data),
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

function filesOf(context: Context, given: string[]): Outcome<string[]> {
  if (given.length > 0) return succeed(given);
  const file = keyFile(context, "owner", undefined);
  return file.ok ? succeed([file.data]) : file;
}

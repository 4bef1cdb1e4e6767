/** `balance`: an account's balance. */

import * as z from "zod";
import { defineCommand } from "../command-line/command.ts";
import { askBalance, balanceSchema } from "../facilitator/balances.ts";
import { facilitatorFields } from "../facilitator/client.ts";
import { accountFields, accountOf } from "../keys/account-input.ts";
import { field } from "../runtime/layout.ts";
import { succeed } from "../runtime/outcome.ts";

export const balance = defineCommand({
  name: "balance",
  audience: "both",
  readOnly: true,
  tool: { title: "Ask the balance of an account", idempotent: true, openWorld: true },
  summary: "the balance of an account",
  input: z.strictObject({ ...accountFields, ...facilitatorFields }),
  output: balanceSchema.extend({ account: z.string() }),
  examples: [
    { says: "the owner's account", argv: "balance" },
    { says: "any account", argv: "balance --account 6eWyGpH153eS9V4aFjAqDEFuUAjVCbk1sGcSHcMx4oKj" },
  ],
  async run(context, input) {
    const account = accountOf(context, input);
    if (!account.ok) return account;
    const balance = await askBalance(context, input, account.data);
    return balance.ok ? succeed({ account: account.data, ...balance.data }) : balance;
  },
  render: ({ account, spendable, held }, layout) => [
    layout.ink("bold", spendable.display),
    ...field(layout, "account", account),
    ...(held.amount === "0" ? [] : field(layout, "held", `${held.display} more, by payments under way and open sessions`)),
  ],
});

/** `balance`: an account's balance. */

import * as z from "zod";
import { chainAccount, chainBalance, chainBalanceLines, chainBalanceSchema } from "../chain/chain-balance.ts";
import { sequencerFields } from "../chain/open-chain.ts";
import { defineCommand } from "../command-line/command.ts";
import { askBalance, balanceSchema } from "../facilitator/balances.ts";
import { facilitatorFields } from "../facilitator/client.ts";
import { accountFields, accountOf } from "../keys/account-input.ts";
import { networkField } from "../merchant/choose-money.ts";
import { field } from "../runtime/layout.ts";
import { succeed } from "../runtime/outcome.ts";

export const balance = defineCommand({
  name: "balance",
  audience: "both",
  readOnly: true,
  tool: { title: "Ask the balance of an account", idempotent: true, openWorld: true },
  summary: "the balance of an account",
  description:
    "Of the mock ledger, from the facilitator. Of the chain itself, with --network or with a key of that kind, from the sequencer in the configuration: with the account's next nonce and the block at which both were read.",
  input: z.strictObject({ ...accountFields, ...networkField, ...sequencerFields, ...facilitatorFields }),
  output: z.union([balanceSchema.extend({ account: z.string() }), chainBalanceSchema]),
  examples: [
    { says: "the owner's account", argv: "balance" },
    { says: "on the chain itself, of the owner's key there", argv: "balance --network lez:testnet" },
    { says: "any account", argv: "balance --account 6eWyGpH153eS9V4aFjAqDEFuUAjVCbk1sGcSHcMx4oKj" },
  ],
  async run(context, input) {
    const native = chainAccount(context, input);
    if (native && !native.ok) return native;
    if (native) return chainBalance(context, native.data.network, native.data.account, input);
    const account = accountOf(context, input);
    if (!account.ok) return account;
    const balance = await askBalance(context, input, account.data);
    return balance.ok ? succeed({ account: account.data, ...balance.data }) : balance;
  },
  render(data, layout) {
    if ("kind" in data) return chainBalanceLines(data, layout);
    const { account, spendable, held } = data;
    return [
      layout.ink("bold", spendable.display),
      ...field(layout, "account", account),
      ...(held.amount === "0" ? [] : field(layout, "held", `${held.display} more, by payments under way and open sessions`)),
    ];
  },
});

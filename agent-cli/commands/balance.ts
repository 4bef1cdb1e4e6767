/** `balance`: what an account holds. */
import * as z from "zod";
import { accountIdSchema } from "../../shared/account.ts";
import { ASSET } from "../../shared/lez.ts";
import { accountFields, accountOf } from "../account-input.ts";
import { defineCommand } from "../command.ts";
import { callFacilitator, facilitatorFields } from "../facilitator.ts";
import { field } from "../layout.ts";
import { succeed } from "../outcome.ts";
import { money, moneySchema } from "../views.ts";

/** A balance may be zero; an Amount may not. */
const unitsSchema = z.string().regex(/^(0|[1-9][0-9]{0,38})$/, "must be atomic units");
const answerSchema = z.looseObject({ account: accountIdSchema, balance: unitsSchema, held: unitsSchema });

export const balance = defineCommand({
  name: "balance",
  audience: "both",
  summary: "what an account holds",
  input: z.strictObject({ ...accountFields, ...facilitatorFields }),
  output: z.strictObject({
    account: z.string(),
    balance: moneySchema,
    /** The part that payments under way have claimed. */
    held: moneySchema,
    spendable: moneySchema,
  }),
  examples: [
    { says: "the owner's account", argv: "balance --owner-file owner.json" },
    { says: "any account", argv: "balance --account 6eWyGpH153eS9V4aFjAqDEFuUAjVCbk1sGcSHcMx4oKj" },
  ],
  async run(context, input) {
    const account = accountOf(input);
    if (!account.ok) return account;
    const answer = await callFacilitator(context, input, { path: `/accounts/${account.data}`, answer: answerSchema });
    if (!answer.ok) return answer;
    const { balance, held } = answer.data;
    const spendable = (BigInt(balance) - BigInt(held)).toString();
    return succeed({ account: account.data, balance: money(balance, ASSET), held: money(held, ASSET), spendable: money(spendable, ASSET) });
  },
  render: ({ account, spendable, held }, layout) => [
    layout.ink("bold", spendable.display),
    ...field(layout, "account", account),
    ...(held.amount === "0" ? [] : field(layout, "held", `${held.display} more, by payments under way`)),
  ],
});

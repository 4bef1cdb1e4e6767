/** `ledger fund`: the ledger's operator pays money out of its treasury. */

import * as z from "zod";
import { bytesToHex, randomBytes } from "../../shared/crypto/bytes.ts";
import { ASSET } from "../../shared/lez.ts";
import { FUNDING_CAP, MAX_FUNDING } from "../../shared/limits.ts";
import { accountIdSchema, parseAccountId } from "../../shared/protocol/account.ts";
import { displayAmount, isAmount } from "../../shared/protocol/amount.ts";
import { money } from "../../shared/screen/money.ts";
import { defineCommand } from "../command-line/command.ts";
import { amountField } from "../command-line/fields.ts";
import { callFacilitator, facilitatorFields } from "../facilitator/client.ts";
import { operatorKeyField, withOperatorKey } from "../keys/operator-key.ts";
import { field } from "../runtime/layout.ts";
import { moneySchema } from "../runtime/money.ts";
import { fail, succeed } from "../runtime/outcome.ts";

const answerSchema = z.looseObject({ transaction: z.string(), account: accountIdSchema, balance: z.string().regex(/^[0-9]{1,39}$/) });

export const ledgerFund = defineCommand({
  name: "ledger fund",
  audience: "dev",
  summary: "pay money out of the ledger's treasury",
  description: [
    "Needs the operator's key, whose SHA-256 is OPERATOR_KEY_SHA256 of the ledger's Worker.",
    `At most ${displayAmount(MAX_FUNDING)} in one call, and FUNDING_CAP of that Worker in all: ${displayAmount(FUNDING_CAP)} by default.`,
  ].join(" "),
  input: z.strictObject({
    account: z.string().meta({ positional: true, description: "the account that gets the money" }),
    amount: amountField
      .refine((amount) => !isAmount(amount) || BigInt(amount) <= MAX_FUNDING, `must be at most ${displayAmount(MAX_FUNDING)} in one call`)
      .meta({ value: "amount", positional: true, description: "as in 1000LGO, or in atomic units" }),
    id: z
      .string()
      .regex(/^[0-9a-f]{64}$/, "must be 64 hex digits")
      .optional()
      .meta({ description: "id of this payment: the same id pays once" }),
    ...operatorKeyField,
    ...facilitatorFields,
  }),
  output: z.strictObject({ account: z.string(), paid: moneySchema, balance: moneySchema, transaction: z.string(), id: z.string() }),
  examples: [
    {
      says: "1000 LGO for a buyer",
      argv: "ledger fund 6eWyGpH153eS9V4aFjAqDEFuUAjVCbk1sGcSHcMx4oKj 1000LGO --operator-key-file operator.key",
    },
    {
      says: "in atomic units, at a deployed facilitator",
      argv: [
        "ledger fund 6eWyGpH153eS9V4aFjAqDEFuUAjVCbk1sGcSHcMx4oKj 50000000",
        "--facilitator-url https://pay.example.com --operator-key-file operator.key",
      ].join(" "),
    },
  ],
  async run(context, input) {
    const { amount } = input;
    const account = parseAccountId(input.account);
    if (!account.ok) return fail("usage", `<account>: ${account.problem}.`);
    const id = input.id ?? bytesToHex(randomBytes(32));
    const body = { account: account.account, amount, id };
    return withOperatorKey(input.operatorKeyFile, async (key) => {
      const answer = await callFacilitator(context, input, { path: "/ledger/fund", body, answer: answerSchema, key });
      if (!answer.ok) {
        if (!answer.error.retryable || answer.error.code === "insufficient_funds") return answer;
        // A lost answer may have been a payment: the same id makes the repetition harmless.
        const argv = ["lez-agent-pay", ...context.argv, ...(input.id ? [] : ["--id", id])];
        return { ...answer, next: { argv, by: "agent" as const, why: "ask again for the same payment; it is made once" } };
      }
      const { balance, transaction } = answer.data;
      return succeed({ account: account.account, paid: money(amount, ASSET), balance: money(balance, ASSET), transaction, id });
    });
  },
  render: ({ account, paid, balance, transaction }, layout) => [
    layout.ink("green", `${paid.display} paid out of the treasury`),
    ...field(layout, "account", account),
    ...field(layout, "balance", balance.display),
    ...field(layout, "transaction", transaction),
  ],
});

/** `faucet`: test money for an account, if the facilitator grants any. */

import * as z from "zod";
import { bytesToHex, randomBytes } from "../../shared/crypto/bytes.ts";
import { ASSET } from "../../shared/lez.ts";
import { FAUCET_CAP_PER_ACCOUNT, FAUCET_GRANT, FAUCET_WINDOW_SECONDS } from "../../shared/limits.ts";
import { accountIdSchema } from "../../shared/protocol/account.ts";
import { type Amount, displayAmount, isAmount } from "../../shared/protocol/amount.ts";
import { money } from "../../shared/screen/money.ts";
import { defineCommand } from "../command-line/command.ts";
import { amountField } from "../command-line/fields.ts";
import { callFacilitator, facilitatorFields } from "../facilitator/client.ts";
import { accountFields, accountOf } from "../keys/account-input.ts";
import { field } from "../runtime/layout.ts";
import { moneySchema } from "../runtime/money.ts";
import { succeed } from "../runtime/outcome.ts";

const answerSchema = z.looseObject({
  transaction: z.string(),
  account: accountIdSchema,
  /** Absent where the books are keyed and this machine has no access to them. */
  balance: z.optional(z.string().regex(/^[0-9]{1,39}$/)),
});

/** The ledger would answer "too many requests", as if the amount could be had later. */
const TOO_MUCH = `must be at most ${FAUCET_CAP_PER_ACCOUNT}: no account gets more in ${FAUCET_WINDOW_SECONDS / 3600} hours`;

export const faucet = defineCommand({
  name: "faucet",
  audience: "dev",
  summary: "put test money into an account",
  input: z.strictObject({
    ...accountFields,
    amount: amountField
      .refine((amount) => !isAmount(amount) || BigInt(amount) <= FAUCET_CAP_PER_ACCOUNT, TOO_MUCH)
      .default(FAUCET_GRANT.toString() as Amount)
      .meta({ value: "amount", description: `at most ${displayAmount(FAUCET_CAP_PER_ACCOUNT)} a day; ${displayAmount(FAUCET_GRANT)}` }),
    id: z
      .string()
      .regex(/^[0-9a-f]{64}$/, "must be 64 hex digits")
      .optional()
      .meta({ description: "id of the grant: the same id pays once" }),
    ...facilitatorFields,
  }),
  output: z.strictObject({
    account: z.string(),
    granted: moneySchema,
    /** Absent if this machine may not read the account. */
    balance: moneySchema.optional(),
    transaction: z.string(),
    id: z.string(),
  }),
  examples: [
    { says: "for the owner's account", argv: "faucet" },
    { says: "0.05 LGO for any account", argv: "faucet --account 6eWyGpH153eS9V4aFjAqDEFuUAjVCbk1sGcSHcMx4oKj --amount 0.05LGO" },
  ],
  async run(context, input) {
    const account = accountOf(context, input);
    if (!account.ok) return account;
    const id = input.id ?? bytesToHex(randomBytes(32));
    const answer = await callFacilitator(context, input, {
      path: "/faucet",
      books: account.data,
      body: { account: account.data, amount: input.amount, id },
      answer: answerSchema,
    });
    if (!answer.ok) {
      if (!answer.error.retryable) return answer;
      // A lost answer may have been a grant: the same id makes the repetition harmless.
      const argv = ["lez-agent-pay", ...context.argv, ...(input.id ? [] : ["--id", id])];
      const by = input.account === undefined ? "owner" : "agent";
      const after = answer.retryAfterSeconds === undefined ? {} : { afterSeconds: answer.retryAfterSeconds };
      return { ...answer, next: { argv, by, why: "ask again for the same grant; it is paid once", ...after } };
    }
    const { balance, transaction } = answer.data;
    return succeed({
      account: account.data,
      granted: money(input.amount, ASSET),
      ...(balance !== undefined && { balance: money(balance, ASSET) }),
      transaction,
      id,
    });
  },
  render: ({ account, granted, balance }, layout) => [
    layout.ink("green", `${granted.display} granted`),
    ...field(layout, "account", account),
    ...(balance ? field(layout, "balance", balance.display) : []),
  ],
});

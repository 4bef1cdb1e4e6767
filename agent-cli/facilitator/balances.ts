/** An account's balance, from the facilitator. */

import * as z from "zod";
import { ASSET } from "../../shared/lez.ts";
import { type AccountId, accountIdSchema } from "../../shared/protocol/account.ts";
import { money } from "../../shared/screen/money.ts";
import type { Context } from "../runtime/context.ts";
import { moneySchema } from "../runtime/money.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import { callFacilitator, type FacilitatorInput } from "./client.ts";

/** A balance may be zero; an Amount may not. */
const unitsSchema = z.string().regex(/^(0|[1-9][0-9]{0,38})$/, "must be atomic units");
const answerSchema = z.looseObject({ account: accountIdSchema, balance: unitsSchema, held: unitsSchema });

export const balanceSchema = z.strictObject({
  balance: moneySchema,
  /** The part that is set aside: for payments under way, and in open sessions. */
  held: moneySchema,
  spendable: moneySchema,
});

export async function askBalance(
  context: Context,
  input: FacilitatorInput,
  account: AccountId,
  timeoutSeconds?: number,
): Promise<Outcome<z.infer<typeof balanceSchema>>> {
  const answer = await callFacilitator(context, input, {
    path: `/accounts/${account}`,
    books: account,
    answer: answerSchema,
    ...(timeoutSeconds !== undefined && { timeoutSeconds }),
  });
  if (!answer.ok) return answer;
  const { balance, held } = answer.data;
  const spendable = (BigInt(balance) - BigInt(held)).toString();
  return succeed({ balance: money(balance, ASSET), held: money(held, ASSET), spendable: money(spendable, ASSET) });
}

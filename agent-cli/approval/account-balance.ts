/** What the paying account can spend, for the screen. A facilitator that cannot be reached is a line there, and refuses nothing. */

import type { AccountId } from "../../shared/protocol/account.ts";
import type { BalanceView } from "../../shared/screen/view.ts";
import { askBalance } from "../facilitator/balances.ts";
import type { FacilitatorInput } from "../facilitator/client.ts";
import type { Context } from "../runtime/context.ts";
import { BALANCE_TIMEOUT_SECONDS } from "../runtime/limits.ts";

export interface BalanceInput extends FacilitatorInput {
  /** Ask no facilitator. */
  offline: boolean;
}

export async function balanceOf(context: Context, input: BalanceInput, account: AccountId): Promise<BalanceView> {
  if (input.offline) return { kind: "unknown", why: "it was not asked for (--offline)" };
  const asked = await askBalance(context, input, account, BALANCE_TIMEOUT_SECONDS);
  if (!asked.ok) return { kind: "unknown", why: asked.error.message };
  return { kind: "known", spendable: BigInt(asked.data.spendable.amount) };
}

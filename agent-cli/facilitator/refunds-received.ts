/** The refunds that an account received, from its own checked journal. What a merchant says of a refund is no such thing. */

import type { AccountId } from "../../shared/protocol/account.ts";
import { formatTimestamp } from "../../shared/time.ts";
import type { ReceivedRefund } from "../records/refunds-known.ts";
import type { Context } from "../runtime/context.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import { chainAt, readChain } from "./account-chain.ts";
import type { FacilitatorInput } from "./client.ts";

/** Oldest first. */
export async function refundsReceived(context: Context, input: FacilitatorInput, account: AccountId): Promise<Outcome<ReceivedRefund[]>> {
  const source = await chainAt(context, input, account);
  if (!source.ok) return source;
  const refunds: ReceivedRefund[] = [];
  const chain = await readChain(source.data, async (entries) => {
    for (const { kind, cause, refundOf, transaction, value, at } of entries)
      if (kind === "credit" && cause === "refund" && refundOf && transaction)
        refunds.push({ transaction, refundOf, amount: value, at: formatTimestamp(Number(at)) });
    return succeed(undefined);
  });
  return chain.ok ? succeed(refunds) : chain;
}

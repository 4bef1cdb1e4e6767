/** `request cancel`: the agent withdraws a request that waits for its owner. */

import * as z from "zod";
import { unixNow } from "../../shared/time.ts";
import { defineCommand } from "../command-line/command.ts";
import { dryRunField } from "../command-line/fields.ts";
import { findInInbox, requestField } from "../purchase/find-request.ts";
import { renderPurchase } from "../purchase/purchase-text.ts";
import { type Purchase, purchaseSchema, purchaseView, type PurchaseView } from "../purchase/purchase.ts";
import { withdraw, withdrawable } from "../purchase/withdraw.ts";
import { checkAudit } from "../records/audit-log.ts";
import { succeed } from "../runtime/outcome.ts";

export const requestCancel = defineCommand({
  name: "request cancel",
  audience: "agent",
  tool: { title: "Withdraw a request", destructive: true, idempotent: true },
  summary: "withdraw a request before the owner decides",
  input: z.strictObject({ request: requestField, ...dryRunField }),
  output: purchaseSchema.extend({ dryRun: z.literal(true).optional() }),
  examples: [
    { says: "it is no longer needed", argv: "request cancel 7F3K-9QPD" },
    { says: "could it still be withdrawn?", argv: "request cancel 7F3K-9QPD --dry-run" },
  ],
  async run(context, { request: word, dryRun }) {
    const item = await findInInbox(context, word);
    if (!item.ok) return item;
    if (dryRun) {
      const purchase = withdrawable(context, item.data);
      return purchase.ok ? succeed({ dryRun, ...cancelledView(purchase.data) }) : purchase;
    }
    const recordable = checkAudit(context);
    if (!recordable.ok) return recordable;
    const withdrawn = await withdraw(context, item.data.digest);
    return withdrawn.ok ? succeed(cancelledView(withdrawn.data)) : withdrawn;
  },
  render: renderPurchase,
});

function cancelledView(purchase: Purchase): PurchaseView {
  return { ...purchaseView(purchase, unixNow()), state: "cancelled" };
}

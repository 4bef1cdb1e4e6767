/** `request cancel`: the agent withdraws a request that waits for its owner. */

import * as z from "zod";
import type { Digest } from "../../shared/crypto/digest.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import { defineCommand } from "../command-line/command.ts";
import { dryRunField } from "../command-line/fields.ts";
import { requestFacts } from "../purchase/create-request.ts";
import { findInInbox, requestField } from "../purchase/find-request.ts";
import { renderPurchase } from "../purchase/purchase-text.ts";
import { type Purchase, purchaseOf, purchaseSchema, purchaseView, type PurchaseView } from "../purchase/purchase.ts";
import { appendEntry, checkAudit } from "../records/audit-log.ts";
import { findDecision } from "../records/decision-history.ts";
import { type InboxItem, look, put } from "../records/inbox.ts";
import type { Context } from "../runtime/context.ts";
import { exclusively } from "../runtime/lock.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";

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
      const purchase = cancellable(context, item.data);
      return purchase.ok ? succeed({ dryRun, ...cancelledView(purchase.data) }) : purchase;
    }
    const recordable = checkAudit(context);
    return recordable.ok ? cancel(context, item.data.digest) : recordable;
  },
  render: renderPurchase,
});

/** The owner may decide at the same moment, so the state is read under the lock that every decision takes. */
function cancel(context: Context, digest: Digest): Promise<Outcome<PurchaseView>> {
  return exclusively(context, async () => {
    const item = await look(context, digest);
    if (!item.ok) return item;
    if (!item.data) return fail("request_not_found", `Request ${shortCode(digest)} has left the inbox.`);
    const purchase = cancellable(context, item.data);
    if (!purchase.ok) return purchase;
    if (purchase.data.state === "pending") {
      const filed = put(context, digest, "cancelled", { requestDigest: digest, at: formatTimestamp(unixNow()) });
      if (!filed.ok) return filed;
      const noted = appendEntry(context, "cancelled", requestFacts(purchase.data.request, digest));
      if (!noted.ok) return noted;
    }
    return succeed(cancelledView(purchase.data));
  });
}

/** The purchase, if it is pending or cancelled. An approval counts once it is recorded, handed out or not. */
function cancellable(context: Context, item: InboxItem): Outcome<Purchase> {
  const purchase = purchaseOf(context, item, unixNow());
  if (!purchase.ok) return purchase;
  const approved = findDecision(context, item.digest, "approved");
  if (!approved.ok) return approved;
  const state = purchase.data.state === "pending" && approved.data ? "approved" : purchase.data.state;
  if (state === "pending" || state === "cancelled") return purchase;
  return fail("usage", `Request ${shortCode(item.digest)} is ${state}; only a pending one can be withdrawn.`, {
    ...(state === "approved" && { hint: "Do not use the approval. To make it unusable, its owner runs: lez-agent-pay revoke" }),
  });
}

function cancelledView(purchase: Purchase): PurchaseView {
  return { ...purchaseView(purchase, unixNow()), state: "cancelled" };
}

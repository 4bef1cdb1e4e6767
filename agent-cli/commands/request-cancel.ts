/** `request cancel`: the agent withdraws a request that waits for its owner. */
import * as z from "zod";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import { defineCommand } from "../command-line/command.ts";
import { dryRunField } from "../command-line/fields.ts";
import { requestFacts } from "../purchase/create-request.ts";
import { findInInbox, requestField } from "../purchase/find-request.ts";
import { renderPurchase } from "../purchase/purchase-text.ts";
import { purchaseOf, purchaseSchema, purchaseView } from "../purchase/purchase.ts";
import { checkAudit, record } from "../records/audit-log.ts";
import { put } from "../records/inbox.ts";
import { fail, succeed } from "../runtime/outcome.ts";

export const requestCancel = defineCommand({
  name: "request cancel",
  audience: "agent",
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
    const now = unixNow();
    const purchase = purchaseOf(context, item.data, now);
    if (!purchase.ok) return purchase;
    const { digest, request, state } = purchase.data;
    if (state === "cancelled") return succeed(purchaseView(purchase.data, now));
    if (state !== "pending") {
      return fail("usage", `Request ${shortCode(digest)} is ${state}; only a pending one can be withdrawn.`, {
        ...(state === "approved" && { hint: "Do not use the approval. To make it unusable, its owner runs: lez-agent-pay revoke" }),
      });
    }
    const view = { ...purchaseView(purchase.data, now), state: "cancelled" as const };
    if (dryRun) return succeed({ dryRun, ...view });
    const recordable = checkAudit(context);
    if (!recordable.ok) return recordable;
    const filed = put(context, digest, "cancelled", { requestDigest: digest, at: formatTimestamp(now) });
    if (!filed.ok) return filed;
    const noted = await record(context, "cancelled", requestFacts(request, digest));
    return noted.ok ? succeed(view) : noted;
  },
  render: renderPurchase,
});

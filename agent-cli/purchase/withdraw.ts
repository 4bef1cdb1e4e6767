/** Withdraws a request before its owner decides. */

import type { Digest } from "../../shared/crypto/digest.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import { appendEntry } from "../records/audit-log.ts";
import { findDecision } from "../records/decision-history.ts";
import { type InboxItem, look, put } from "../records/inbox.ts";
import type { Context } from "../runtime/context.ts";
import { exclusively } from "../runtime/lock.ts";
import { fail, type Outcome } from "../runtime/outcome.ts";
import { requestFacts } from "./create-request.ts";
import { type Purchase, purchaseOf } from "./purchase.ts";

/** The owner may decide at the same moment, so the state is read under the lock that every decision takes. Safe to repeat. */
export function withdraw(context: Context, digest: Digest): Promise<Outcome<Purchase>> {
  return exclusively(context, async () => {
    const item = await look(context, digest);
    if (!item.ok) return item;
    if (!item.data) return fail("request_not_found", `Request ${shortCode(digest)} has left the inbox.`);
    const purchase = withdrawable(context, item.data);
    if (!purchase.ok) return purchase;
    if (purchase.data.state === "pending") {
      const filed = put(context, digest, "cancelled", { requestDigest: digest, at: formatTimestamp(unixNow()) });
      if (!filed.ok) return filed;
      const noted = appendEntry(context, "cancelled", requestFacts(purchase.data.request, digest));
      if (!noted.ok) return noted;
    }
    return purchase;
  });
}

/** The purchase, if it is pending or cancelled. An approval counts once it is recorded, handed out or not. */
export function withdrawable(context: Context, item: InboxItem): Outcome<Purchase> {
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

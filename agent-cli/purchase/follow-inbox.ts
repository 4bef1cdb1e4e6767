/** Follows the inbox from round to round: every request that is new, and every change of one, once. */

import { unixNow } from "../../shared/time.ts";
import { agentRules } from "../records/agent-rules.ts";
import { inboxStamps } from "../records/inbox-stamps.ts";
import { authorizationOf } from "../records/payment-journal.ts";
import type { Context } from "../runtime/context.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import { purchaseIn, type PurchaseList } from "./purchase-list.ts";
import { approvedSession, decideBy, type Purchase, purchaseView } from "./purchase.ts";
import { withRefunds } from "./with-refunds.ts";

interface Known {
  stamp: string;
  /** Its state, or why it cannot be read. */
  word: string;
  /** Unix seconds: when its state changes without a file. */
  until: number;
}

/** Where a follower is. It names every request by its files, not by a time, so nothing falls between two rounds. */
export type InboxCursor = Map<string, Known>;

export interface Round {
  cursor: InboxCursor;
  changed: PurchaseList;
}

/** @param since the cursor of the round before; undefined for the first, in which every request is a change */
export async function followInbox(context: Context, since: InboxCursor | undefined, all: boolean): Promise<Outcome<Round>> {
  const [stamps, rules] = [inboxStamps(context), agentRules(context)];
  if (!stamps.ok) return stamps;
  if (!rules.ok) return rules;
  const now = unixNow();
  const cursor: InboxCursor = new Map();
  const found: Purchase[] = [];
  const changed: PurchaseList = { requests: [], unreadable: [] };
  for (const [digest, stamp] of stamps.data) {
    const before = since?.get(digest);
    if (before?.stamp === stamp && before.until >= now) {
      cursor.set(digest, before);
      continue;
    }
    const purchase = await purchaseIn(context, digest, now);
    const word = purchase.ok ? purchase.data.state : purchase.error.message;
    cursor.set(digest, { stamp, word, until: purchase.ok ? untilOf(purchase.data) : Infinity });
    if (word === before?.word) continue;
    if (purchase.ok) found.push(purchase.data);
    else changed.unreadable.push(purchase.error.message);
  }
  for (const purchase of found.sort((a, b) => b.request.createdAt.localeCompare(a.request.createdAt))) {
    const agentRule = rules.data.get(purchase.request.agent.publicKey);
    if (!agentRule || all) changed.requests.push({ ...purchaseView(purchase, now), ...(agentRule && { agentRule }) });
  }
  const requests = withRefunds(context, changed.requests);
  return requests.ok ? succeed({ cursor, changed: { ...changed, requests: requests.data } }) : requests;
}

function untilOf({ state, request, payment }: Purchase): number {
  if (state === "pending") return decideBy(request);
  return state === "approved" && payment
    ? Number((approvedSession(payment)?.channelConfig ?? authorizationOf(payment)).validBefore)
    : Infinity;
}

/** `request list`: what this agent has asked for. */
import * as z from "zod";
import { unixNow } from "../../shared/time.ts";
import { defineCommand } from "../command.ts";
import { look, requestsInInbox } from "../inbox.ts";
import type { Context } from "../context.ts";
import { type Outcome, succeed } from "../outcome.ts";
import { PURCHASE_STATES, purchaseOf, type PurchaseState, purchaseSchema, type PurchaseView, purchaseView } from "../purchase.ts";
import { renderPurchases } from "../purchase-text.ts";
import { MAX_LISTED } from "../../shared/limits.ts";

export const requestList = defineCommand({
  name: "request list",
  audience: "both",
  readOnly: true,
  summary: "the requests of this machine, newest first",
  input: z.strictObject({
    state: z
      .enum(PURCHASE_STATES, `must be one of ${PURCHASE_STATES.join(", ")}`)
      .optional()
      .meta({ description: `only those that are ${PURCHASE_STATES.join(", ")}` }),
  }),
  output: z.strictObject({ requests: z.array(purchaseSchema) }),
  examples: [
    { says: "all of them", argv: "request list" },
    { says: "those of which nobody knows whether they were paid", argv: "request list --state sent" },
  ],
  async run(context, { state }) {
    const requests = await listPurchases(context, state);
    return requests.ok ? succeed({ requests: requests.data }) : requests;
  },
  render: ({ requests }, layout) => renderPurchases(requests, layout),
});

/** What cannot be read is left out here; naming it says why. */
export async function listPurchases(context: Context, state?: PurchaseState): Promise<Outcome<PurchaseView[]>> {
  const digests = requestsInInbox(context);
  if (!digests.ok) return digests;
  const now = unixNow();
  const views: PurchaseView[] = [];
  for (const digest of digests.data) {
    const item = await look(context, digest);
    const purchase = item.ok && item.data ? purchaseOf(context, item.data, now) : undefined;
    if (!purchase?.ok || (state !== undefined && purchase.data.state !== state)) continue;
    views.push(purchaseView(purchase.data, now));
    if (views.length === MAX_LISTED) break;
  }
  return succeed(views);
}

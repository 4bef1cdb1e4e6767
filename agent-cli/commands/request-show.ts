/** `request show`: the state of one request. */

import * as z from "zod";
import { unixNow } from "../../shared/time.ts";
import { defineCommand } from "../command-line/command.ts";
import { findInInbox, requestField } from "../purchase/find-request.ts";
import { renderPurchase } from "../purchase/purchase-text.ts";
import { purchaseOf, purchaseSchema, purchaseView } from "../purchase/purchase.ts";
import { renderSent, sentSchema, sentWith } from "../purchase/sent-with.ts";
import { withRefund } from "../purchase/with-refunds.ts";
import { succeed } from "../runtime/outcome.ts";

export const requestShow = defineCommand({
  name: "request show",
  audience: "both",
  readOnly: true,
  tool: { title: "Show a request", idempotent: true },
  summary: "the state of a request, and what it sends",
  input: z.strictObject({ request: requestField }),
  output: purchaseSchema.extend({
    /** Headers and body of the request. */
    sends: sentSchema,
  }),
  examples: [
    { says: "by its short code", argv: "request show 7F3K-9QPD" },
    { says: "by its id", argv: "request show pr_3k9x0q7vdm2w8h5t" },
  ],
  async run(context, { request }) {
    const item = await findInInbox(context, request);
    if (!item.ok) return item;
    const now = unixNow();
    const purchase = purchaseOf(context, item.data, now);
    if (!purchase.ok) return purchase;
    const sends = { untrusted: true as const, ...sentWith(context, item.data) };
    const view = withRefund(context, purchaseView(purchase.data, now));
    return view.ok ? succeed({ ...view.data, sends }) : view;
  },
  render: (data, layout) => [...renderPurchase(data, layout), ...renderSent(data.sends, layout)],
});

/** `request wait`: blocks until the owner has decided. */

import * as z from "zod";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { unixNow } from "../../shared/time.ts";
import { defineCommand } from "../command-line/command.ts";
import { agentFileField } from "../command-line/fields.ts";
import { allowHttpFor } from "../merchant/curl-request.ts";
import { findInInbox, requestField } from "../purchase/find-request.ts";
import { pairedDesk } from "../purchase/paired-desk.ts";
import { notApproved } from "../purchase/payment-to-present.ts";
import { renderPurchase } from "../purchase/purchase-text.ts";
import { purchaseSchema, purchaseView } from "../purchase/purchase.ts";
import { takeBackFromDesk } from "../purchase/take-back.ts";
import { timeoutArgv, timeoutField, waitForDecision } from "../purchase/wait-for-decision.ts";
import { withRefund } from "../purchase/with-refunds.ts";
import { succeed } from "../runtime/outcome.ts";

export const requestWait = defineCommand({
  name: "request wait",
  audience: "agent",
  readOnly: true,
  tool: { title: "Wait for the owner's decision", idempotent: true },
  summary: "wait until the owner has decided",
  description: "Succeeds when the request is approved. Exit code 11: declined, which is final. 12: expired. 10: still waiting.",
  input: z.strictObject({ request: requestField, agentFile: agentFileField, ...timeoutField }),
  output: purchaseSchema,
  examples: [
    { says: "until there is a decision or the request expires", argv: "request wait 7F3K-9QPD" },
    { says: "for a minute at most", argv: "request wait 7F3K-9QPD --timeout 60" },
  ],
  async run(context, { request, timeout, agentFile }) {
    const item = await findInInbox(context, request);
    if (!item.ok) return item;
    const { digest } = item.data;
    const desk = await pairedDesk(context, item.data.request.agent.publicKey, agentFile);
    const purchase = await waitForDecision(context, digest, timeout, desk);
    if (!purchase.ok) return purchase;
    await takeBackFromDesk(context, digest, agentFile);
    const refused = notApproved(purchase.data, timeoutArgv(context, timeout));
    if (refused) return refused;
    const argv = ["lez-agent-pay", "pay", shortCode(purchase.data.digest), ...allowHttpFor(purchase.data.request.http.url)];
    const next = { argv, by: "agent" as const, why: "send the request with its payment" };
    const view = withRefund(context, purchaseView(purchase.data, unixNow()));
    return view.ok ? succeed(view.data, purchase.data.state === "approved" ? next : undefined) : view;
  },
  render: renderPurchase,
});

/** `request cancel`: the agent withdraws a request that waits for its owner. */

import * as z from "zod";
import { unixNow } from "../../shared/time.ts";
import { defineCommand } from "../command-line/command.ts";
import { agentFileField, dryRunField } from "../command-line/fields.ts";
import { cancelAtDesk } from "../purchase/ask-desk.ts";
import { findInInbox, requestField } from "../purchase/find-request.ts";
import { pairedDesk } from "../purchase/paired-desk.ts";
import { renderPurchase } from "../purchase/purchase-text.ts";
import { type Purchase, purchaseSchema, purchaseView, type PurchaseView } from "../purchase/purchase.ts";
import { withdraw, withdrawable } from "../purchase/withdraw.ts";
import { checkAudit } from "../records/audit-log.ts";
import { noteOver } from "../records/desk-asks.ts";
import { type Context, warn } from "../runtime/context.ts";
import { succeed } from "../runtime/outcome.ts";

export const requestCancel = defineCommand({
  name: "request cancel",
  audience: "agent",
  tool: { title: "Withdraw a request", destructive: true, idempotent: true },
  summary: "withdraw a request before the owner decides",
  input: z.strictObject({ request: requestField, agentFile: agentFileField, ...dryRunField }),
  output: purchaseSchema.extend({
    dryRun: z.literal(true).optional(),
    /** Of a request that went to a desk: whether the desk knows that it is withdrawn. */
    toldDesk: z.boolean().optional(),
  }),
  examples: [
    { says: "it is no longer needed", argv: "request cancel 7F3K-9QPD" },
    { says: "could it still be withdrawn?", argv: "request cancel 7F3K-9QPD --dry-run" },
  ],
  async run(context, { request: word, agentFile, dryRun }) {
    const item = await findInInbox(context, word);
    if (!item.ok) return item;
    if (dryRun) {
      const purchase = withdrawable(context, item.data);
      return purchase.ok ? succeed({ dryRun, ...cancelledView(purchase.data) }) : purchase;
    }
    const recordable = checkAudit(context);
    if (!recordable.ok) return recordable;
    const withdrawn = await withdraw(context, item.data.digest);
    if (!withdrawn.ok) return withdrawn;
    const told = await tellDesk(context, withdrawn.data, agentFile);
    return succeed({ ...cancelledView(withdrawn.data), ...(told !== undefined && { toldDesk: told }) });
  },
  render: renderPurchase,
});

/** This machine takes no decision for it any more, whether or not the desk knows. @returns whether it does; undefined without a desk */
async function tellDesk(
  context: Context,
  { digest, request, desk: taken }: Purchase,
  agentFile: string | undefined,
): Promise<boolean | undefined> {
  const desk = await pairedDesk(context, request.agent.publicKey, agentFile);
  if (!desk) return taken && false;
  const told = await cancelAtDesk(context, desk, digest);
  // The desk may have taken it, and its answer was lost.
  if (!told.ok && taken?.sentAt === undefined && told.error.code === "request_not_found") return undefined;
  if (told.ok) noteOver(context, digest);
  if (!told.ok) warn(context, `${told.error.message} The request may still wait there; this machine uses no approval of it.`);
  else if (told.data === "approved")
    warn(context, `The owner approved it at ${desk.desk} before. This machine does not use that approval; the owner can revoke it there.`);
  return told.ok;
}

function cancelledView(purchase: Purchase): PurchaseView {
  return { ...purchaseView(purchase, unixNow()), state: "cancelled" };
}

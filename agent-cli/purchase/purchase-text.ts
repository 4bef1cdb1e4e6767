/** A request and its state as text. Unsafe characters from agents and merchants are made visible. */

import { isNativeNetwork } from "../../shared/lez.ts";
import { duration } from "../../shared/screen/duration.ts";
import { showUnsafe } from "../../shared/screen/escapes.ts";
import { AGENT_RULES } from "../records/agent-rules.ts";
import { cells, field, type Layout, wrap } from "../runtime/layout.ts";
import type { PurchaseList } from "./purchase-list.ts";
import type { PurchaseView } from "./purchase.ts";

export function renderPurchase(view: PurchaseView, layout: Layout): string[] {
  const { decision } = view;
  return [
    layout.ink("bold", `${view.shortCode}  ${view.state}`),
    ...field(layout, "price", `${priceText(view)} = ${view.price.amount} units`),
    ...(view.charged ? field(layout, "charged", view.charged.display) : []),
    ...(view.refunded ? field(layout, "refunded", `${view.refunded.display}, as the payer's journal said`) : []),
    ...field(layout, "pay to", view.payTo),
    ...field(layout, "for", showUnsafe(`${view.method} ${view.url}`)),
    ...field(layout, "reason", showUnsafe(view.reason)),
    ...(view.refunds ? field(layout, "refunds", view.refunds.says) : []),
    ...field(layout, "agent key", view.agentKey),
    ...(view.state === "pending" ? field(layout, "decide by", `${view.expiresAt} (in ${duration(view.expiresInSeconds)})`) : []),
    ...(view.state === "pending" ? field(layout, "digest", view.requestDigest) : []),
    ...(decision ? field(layout, "the owner", `${decision.code}${decision.note ? `: ${showUnsafe(decision.note)}` : ""}`) : []),
    ...(view.transaction ? field(layout, "transaction", showUnsafe(view.transaction), 13) : []),
    ...(view.mandate ? field(layout, "mandate", `${view.mandate}; the owner was not asked`) : []),
    ...(view.trace ? field(layout, "trace", view.trace) : []),
    ...(view.refusal ? field(layout, "refused", showUnsafe(view.refusal)) : []),
  ];
}

export function renderList({ requests, unreadable, hidden, nextCursor }: PurchaseList, layout: Layout): string[] {
  const warnings = unreadable.flatMap((problem) => wrap(`! ${showUnsafe(problem)}`, layout.width));
  return [
    ...renderPurchases(requests, layout),
    ...warnings.map((line) => layout.ink("yellow", line)),
    ...hiddenText(hidden).map((line) => layout.ink("dim", line)),
    // Never wrapped: people copy it.
    ...(nextCursor === undefined ? [] : ["", "There are more. Repeat the command with:", `  --cursor ${nextCursor}`]),
  ];
}

function hiddenText(hidden: PurchaseList["hidden"]): string[] {
  if (!hidden) return [];
  const counts = AGENT_RULES.filter((rule) => hidden[rule] > 0).map((rule) => `${hidden[rule]} of ${rule} agents`);
  return ["", `Not listed: ${counts.join(", ")}. lez-agent-pay inbox --all shows them.`];
}

/** Money of the chain itself says so: the mock's has the same symbol. */
function priceText({ price, network }: PurchaseView): string {
  return isNativeNetwork(network) ? `${price.display} on ${network}` : price.display;
}

/** One line per request: code, state, price, host, and the time left to decide. */
function renderPurchases(views: readonly PurchaseView[], layout: Layout): string[] {
  if (views.length === 0) return ["No requests."];
  return views.flatMap((view) => {
    const left = view.state === "pending" ? `, ${duration(view.expiresInSeconds)} left` : "";
    const mandate = view.mandate ? `, mandate ${view.mandate}` : "";
    const refunded = view.refunded ? `, ${view.refunded.display} refunded` : "";
    const time = `${left}${refunded}${mandate}${view.agentRule ? `, ${view.agentRule} agent` : ""}`;
    const head = `${view.shortCode}  ${view.state.padEnd(9)}  ${priceText(view)}  ${new URL(view.url).host}${time}`;
    return cells(head) <= layout.width
      ? [head]
      : [`${view.shortCode}  ${view.state}${time}`, `  ${priceText(view)}  ${new URL(view.url).host}`];
  });
}

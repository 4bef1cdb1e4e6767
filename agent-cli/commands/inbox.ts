/** `inbox`: what waits for the owner. */
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { defineCommand } from "../command.ts";
import type { Context } from "../context.ts";
import { type Outcome, succeed } from "../outcome.ts";
import { interrupted } from "../prompts.ts";
import { purchaseSchema, type PurchaseView } from "../purchase.ts";
import { renderPurchases } from "../purchase-text.ts";
import { listPurchases } from "./request-list.ts";

const LOOK_EVERY_MILLISECONDS = 500;

export const inbox = defineCommand({
  name: "inbox",
  audience: "owner",
  readOnly: true,
  summary: "what waits for the owner",
  description: "With --watch it stays until Ctrl-C on a terminal and shows every change; piped, it ends with the first new request.",
  input: z.strictObject({
    all: z.boolean().default(false).meta({ description: "also what is decided or has run out" }),
    watch: z.boolean().default(false).meta({ description: "stay, and show what comes" }),
  }),
  output: z.strictObject({ requests: z.array(purchaseSchema) }),
  examples: [
    { says: "what is to be decided?", argv: "inbox" },
    { says: "and what comes next?", argv: "inbox --watch" },
  ],
  async run(context, { all, watch }) {
    const requests = await waiting(context, all);
    if (!requests.ok || !watch) return requests.ok ? succeed({ requests: requests.data }, nextOf(requests.data)) : requests;
    return watchInbox(context, all, requests.data);
  },
  render: ({ requests }, layout) => renderPurchases(requests, layout),
});

function waiting(context: Context, all: boolean): Promise<Outcome<PurchaseView[]>> {
  return listPurchases(context, all ? undefined : "pending");
}

function nextOf([first]: readonly PurchaseView[]) {
  return first?.state === "pending"
    ? { argv: ["lez-agent-pay", "approve", first.shortCode], by: "owner" as const, why: "read and decide the newest" }
    : undefined;
}

async function watchInbox(context: Context, all: boolean, first: PurchaseView[]) {
  let shown = keysOf(first);
  const onTerminal = context.io.stdout.isTTY === true;
  if (onTerminal) context.tell(...renderPurchases(first, context.layout));
  for (;;) {
    await sleep(LOOK_EVERY_MILLISECONDS, undefined, { signal: context.io.signal }).catch(() => undefined);
    if (context.io.signal.aborted) return interrupted();
    const now = await waiting(context, all);
    if (!now.ok) return now;
    const changed = now.data.filter((view) => !shown.has(keyOf(view)));
    shown = keysOf(now.data);
    if (changed.length === 0) continue;
    if (!onTerminal) return succeed({ requests: changed }, nextOf(changed));
    context.tell(...renderPurchases(changed, context.layout));
  }
}

function keysOf(views: readonly PurchaseView[]): Set<string> {
  return new Set(views.map(keyOf));
}

function keyOf({ requestDigest, state }: PurchaseView): string {
  return `${requestDigest} ${state}`;
}

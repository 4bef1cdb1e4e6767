/** `inbox`: the requests that wait for the owner. */
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { defineCommand } from "../command-line/command.ts";
import { interrupted } from "../prompts/prompts.ts";
import { listPurchases, listSchema, type Page, pageFields, type PurchaseList } from "../purchase/purchase-list.ts";
import { renderList } from "../purchase/purchase-text.ts";
import type { PurchaseView } from "../purchase/purchase.ts";
import { agentRules } from "../records/agent-rules.ts";
import type { Context } from "../runtime/context.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";

const LOOK_EVERY_MILLISECONDS = 500;

export const inbox = defineCommand({
  name: "inbox",
  audience: "owner",
  readOnly: true,
  summary: "the requests that wait for the owner",
  description: "With --watch on a terminal it runs until Ctrl-C and shows every change; piped, it ends with the first new request.",
  input: z.strictObject({
    all: z.boolean().default(false).meta({ description: "also decided and expired requests, and those of muted and blocked agents" }),
    watch: z.boolean().default(false).meta({ description: "keep running, and show every change" }),
    ...pageFields,
  }),
  output: listSchema,
  examples: [
    { says: "what is there to decide?", argv: "inbox" },
    { says: "and what comes next?", argv: "inbox --watch" },
  ],
  async run(context, { all, watch, ...page }) {
    const list = await waiting(context, all, page);
    if (!list.ok || !watch) return list.ok ? succeed(list.data, nextOf(list.data)) : list;
    return watchInbox(context, all, list.data);
  },
  render: renderList,
});

async function waiting(context: Context, all: boolean, page?: Page): Promise<Outcome<PurchaseList>> {
  const rules = agentRules(context);
  return rules.ok ? listPurchases(context, { ...page, all, rules: rules.data, state: all ? undefined : "pending" }) : rules;
}

function nextOf({ requests: [first] }: PurchaseList) {
  return first?.state === "pending"
    ? { argv: ["lez-agent-pay", "approve", first.shortCode], by: "owner" as const, why: "read and decide the newest" }
    : undefined;
}

async function watchInbox(context: Context, all: boolean, first: PurchaseList) {
  let shown = keysOf(first);
  const onTerminal = context.io.stdout.isTTY === true;
  if (onTerminal) context.tell(...renderList(first, context.layout));
  for (;;) {
    await sleep(LOOK_EVERY_MILLISECONDS, undefined, { signal: context.io.signal }).catch(() => undefined);
    if (context.io.signal.aborted) return interrupted();
    const now = await waiting(context, all);
    if (!now.ok) return now;
    const { requests, unreadable } = now.data;
    const changed = {
      requests: requests.filter((view) => !shown.has(keyOf(view))),
      unreadable: unreadable.filter((sentence) => !shown.has(sentence)),
    };
    shown = keysOf(now.data);
    if (changed.requests.length + changed.unreadable.length === 0) continue;
    if (!onTerminal) return succeed(changed, nextOf(changed));
    context.tell(...renderList(changed, context.layout));
  }
}

function keysOf({ requests, unreadable }: PurchaseList): Set<string> {
  return new Set([...requests.map(keyOf), ...unreadable]);
}

function keyOf({ requestDigest, state }: PurchaseView): string {
  return `${requestDigest} ${state}`;
}

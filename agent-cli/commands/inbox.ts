/** `inbox`: the requests that wait for the owner. */

import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { openWatch, type UnlockedWatch } from "../approval/unlocked-watch.ts";
import { defineCommand } from "../command-line/command.ts";
import { ownerFileField, periodField } from "../command-line/fields.ts";
import { passphraseFields } from "../prompts/passphrase.ts";
import { interrupted } from "../prompts/prompts.ts";
import { followInbox, type InboxCursor } from "../purchase/follow-inbox.ts";
import { listPurchases, listSchema, type Page, pageFields, type PurchaseList } from "../purchase/purchase-list.ts";
import { renderList } from "../purchase/purchase-text.ts";
import { agentRules } from "../records/agent-rules.ts";
import type { Context } from "../runtime/context.ts";
import { MAX_UNLOCK_SECONDS } from "../runtime/limits.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";

const LOOK_EVERY_MILLISECONDS = 500;

export const inbox = defineCommand({
  name: "inbox",
  audience: "owner",
  summary: "the requests that wait for the owner",
  description:
    "With --watch on a terminal it runs until Ctrl-C and shows every change of every request; piped, it ends with the first new request.",
  input: z.strictObject({
    all: z.boolean().default(false).meta({ description: "also decided and expired requests, and those of muted and blocked agents" }),
    watch: z.boolean().default(false).meta({ description: "keep running, and show every change" }),
    unlock: periodField(MAX_UNLOCK_SECONDS)
      .optional()
      .meta({ value: "period", description: "with --watch: open the key once, for 10m say, and decide each request as it comes" }),
    ownerFile: ownerFileField,
    ...passphraseFields,
    ...pageFields,
  }),
  output: listSchema,
  examples: [
    { says: "what is there to decide?", argv: "inbox" },
    { says: "decide whatever comes in ten minutes, with one passphrase", argv: "inbox --watch --unlock 10m" },
  ],
  async run(context, { all, watch, unlock, ownerFile, passphraseFile, passphraseFd, ...page }) {
    if (unlock !== undefined && !watch) return fail("usage", "--unlock needs --watch.");
    // The cursor comes first: a request that arrives between the two is shown twice rather than never.
    const followed = watch ? await followInbox(context, undefined, all) : undefined;
    if (followed && !followed.ok) return followed;
    const list = await waiting(context, all, page);
    if (!list.ok || !followed) return list.ok ? succeed(list.data, nextOf(list.data)) : list;
    if (unlock === undefined) return watchInbox(context, all, followed.data.cursor, list.data);
    const unlocked = await openWatch(context, { ownerFile, passphraseFile, passphraseFd }, unlock);
    if (!unlocked.ok) return unlocked;
    try {
      return await watchInbox(context, all, followed.data.cursor, list.data, unlocked.data);
    } finally {
      unlocked.data.close();
    }
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

async function watchInbox(context: Context, all: boolean, from: InboxCursor, first: PurchaseList, unlocked?: UnlockedWatch) {
  let cursor = from;
  const onTerminal = context.io.stdout.isTTY === true;
  if (onTerminal) context.tell(...renderList(first, context.layout));
  const over = await unlocked?.round(first.requests);
  if (over) return over;
  for (;;) {
    await sleep(LOOK_EVERY_MILLISECONDS, undefined, { signal: context.io.signal }).catch(() => undefined);
    if (context.io.signal.aborted) return interrupted();
    const round = await followInbox(context, cursor, all);
    if (!round.ok) return round;
    ({ cursor } = round.data);
    const changed = onTerminal || unlocked || all ? round.data.changed : pendingIn(round.data.changed);
    const any = changed.requests.length + changed.unreadable.length > 0;
    if (any && !onTerminal && !unlocked) return succeed(changed, nextOf(changed));
    if (any) context.tell(...renderList(changed, context.layout));
    const over = await unlocked?.round(changed.requests);
    if (over) return over;
  }
}

function pendingIn({ requests, ...rest }: PurchaseList): PurchaseList {
  return { ...rest, requests: requests.filter(({ state }) => state === "pending") };
}

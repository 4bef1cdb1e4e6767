/** `session list`: the payment sessions of this machine, and what is left in them. */

import * as z from "zod";
import { showUnsafe } from "../../shared/screen/escapes.ts";
import { unixNow } from "../../shared/time.ts";
import { defineCommand } from "../command-line/command.ts";
import { facilitatorFields } from "../facilitator/client.ts";
import { sessionData, sessionLines, sessionSchema } from "../purchase/session-view.ts";
import { keptSessions } from "../records/sessions.ts";
import { wrap } from "../runtime/layout.ts";
import { MAX_LISTED } from "../runtime/limits.ts";
import { succeed } from "../runtime/outcome.ts";

export const sessionList = defineCommand({
  name: "session list",
  audience: "both",
  readOnly: true,
  tool: { title: "Payment sessions", idempotent: true, openWorld: true },
  summary: "money that is set aside at merchants, and what is left of it",
  description: "A session pays for calls at one merchant. What is not claimed comes back by itself.",
  input: z.strictObject({
    all: z.boolean().default(false).meta({ description: "those that are over, too" }),
    ...facilitatorFields,
  }),
  output: z.strictObject({
    sessions: z.array(sessionSchema),
    /** Those that are left out, because there are more than the limit. */
    more: z.number(),
    unreadable: z.array(z.strictObject({ file: z.string(), problem: z.string() })),
  }),
  examples: [
    { says: "those that are open", argv: "session list" },
    { says: "all that this machine knows", argv: "session list --all" },
  ],
  async run(context, input) {
    const kept = keptSessions(context);
    if (!kept.ok) return kept;
    const now = unixNow();
    const wanted = kept.data.sessions.filter(({ state }) => input.all || (state !== "closed" && state !== "refused"));
    const sessions = [];
    for (const session of wanted.slice(0, MAX_LISTED)) sessions.push(await sessionData(context, input, session, now));
    return succeed({ sessions, more: Math.max(0, wanted.length - MAX_LISTED), unreadable: kept.data.unreadable });
  },
  render: ({ sessions, more, unreadable }, layout) => [
    ...sessions.flatMap((session) => sessionLines(session, layout)),
    ...(more > 0 ? [`and ${more} more, which are not shown`] : []),
    ...(sessions.length + unreadable.length === 0 ? ["No session is open. To open one: lez-agent-pay fetch <url> --session AMOUNT"] : []),
    ...unreadable.flatMap(({ file, problem }) =>
      wrap(`! ${showUnsafe(`${file}: ${problem}`)}`, layout.width).map((line) => layout.ink("yellow", line)),
    ),
  ],
});

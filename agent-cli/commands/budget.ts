/** `budget`: what the agent may still spend without asking. */

import * as z from "zod";
import { unixNow } from "../../shared/time.ts";
import { defineCommand } from "../command-line/command.ts";
import { agentFileField } from "../command-line/fields.ts";
import { facilitatorFields } from "../facilitator/client.ts";
import { findKey } from "../keys/key-file.ts";
import { takeGranted } from "../purchase/granted-mandates.ts";
import { mandateData, mandateLines, mandateSchema } from "../purchase/mandate-view.ts";
import { pairedDesk } from "../purchase/paired-desk.ts";
import { sessionData, sessionLines, sessionSchema } from "../purchase/session-view.ts";
import { keptMandates } from "../records/mandates.ts";
import { keptSessions } from "../records/sessions.ts";
import { type Context, warn } from "../runtime/context.ts";
import { MAX_LISTED } from "../runtime/limits.ts";
import { succeed } from "../runtime/outcome.ts";

export const budget = defineCommand({
  name: "budget",
  audience: "agent",
  readOnly: true,
  tool: { title: "What can be spent without asking", idempotent: true, openWorld: true },
  summary: "what this agent may spend without asking: mandates and sessions",
  description:
    "Within a mandate or an open session fetch pays without asking. Without one, or beyond it, fetch asks the owner. A paired agent takes over what its owner has granted at the desk.",
  input: z.strictObject({ agentFile: agentFileField, ...facilitatorFields }),
  output: z.strictObject({ mandates: z.array(mandateSchema), sessions: z.array(sessionSchema) }),
  examples: [
    { says: "what is left", argv: "budget" },
    { says: "for a program", argv: "budget --json" },
  ],
  async run(context, input) {
    const agent = findKey(context, "agent", input.agentFile);
    if (!agent.ok) return agent;
    await askDesk(context, agent.data.key.publicKey, input.agentFile);
    const kept = await keptMandates(context);
    if (!kept.ok) return kept;
    const now = unixNow();
    const own = kept.data.mandates
      .filter(({ signed: { mandate } }) => mandate.agent === agent.data.key.publicKey && Number(mandate.validBefore) >= now)
      .slice(0, MAX_LISTED);
    const sessions = keptSessions(context);
    if (!sessions.ok) return sessions;
    const open = sessions.data.sessions
      .filter(({ state, signed: { channelConfig } }) => state === "open" && channelConfig.signer === agent.data.key.publicKey)
      .filter(({ signed: { channelConfig } }) => Number(channelConfig.expiresAt) >= now)
      .slice(0, MAX_LISTED);
    const views = [];
    // One after another: each keeps what it learned.
    for (const session of open) views.push(await sessionData(context, input, session, now));
    return succeed({ mandates: await Promise.all(own.map((mandate) => mandateData(context, input, mandate, now))), sessions: views });
  },
  render: ({ mandates, sessions }, layout) => [
    ...(mandates.length + sessions.length === 0 ? ["No mandate: each payment is asked for."] : []),
    ...mandates.flatMap((mandate) => mandateLines(mandate, layout)),
    ...sessions.flatMap((session) => sessionLines(session, layout)),
  ],
});

/** Takes over what the owner granted at the desk since. Without its answer this machine's mandates are shown. */
async function askDesk(context: Context, agentKey: string, agentFile: string | undefined): Promise<void> {
  const desk = await pairedDesk(context, agentKey, agentFile);
  if (!desk) return;
  const granted = await takeGranted(context, desk);
  if (!granted.ok) warn(context, `${granted.error.message} What the owner has granted there since is not shown.`);
}

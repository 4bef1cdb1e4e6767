/** `budget`: what the agent may still spend without asking. */

import * as z from "zod";
import { unixNow } from "../../shared/time.ts";
import { defineCommand } from "../command-line/command.ts";
import { agentFileField } from "../command-line/fields.ts";
import { facilitatorFields } from "../facilitator/client.ts";
import { findKey } from "../keys/key-file.ts";
import { mandateData, mandateLines, mandateSchema } from "../purchase/mandate-view.ts";
import { keptMandates } from "../records/mandates.ts";
import { MAX_LISTED } from "../runtime/limits.ts";
import { succeed } from "../runtime/outcome.ts";

export const budget = defineCommand({
  name: "budget",
  audience: "agent",
  readOnly: true,
  tool: { title: "What can be spent without asking", idempotent: true, openWorld: true },
  summary: "what is left of the owner's mandates for this agent",
  description: "Within a mandate fetch pays without asking. Without one, or beyond it, fetch asks the owner.",
  input: z.strictObject({ agentFile: agentFileField, ...facilitatorFields }),
  output: z.strictObject({ mandates: z.array(mandateSchema) }),
  examples: [
    { says: "what is left", argv: "budget" },
    { says: "for a program", argv: "budget --json" },
  ],
  async run(context, input) {
    const agent = findKey(context, "agent", input.agentFile);
    if (!agent.ok) return agent;
    const kept = await keptMandates(context);
    if (!kept.ok) return kept;
    const now = unixNow();
    const own = kept.data.mandates
      .filter(({ signed: { mandate } }) => mandate.agent === agent.data.key.publicKey && Number(mandate.validBefore) >= now)
      .slice(0, MAX_LISTED);
    return succeed({ mandates: await Promise.all(own.map((mandate) => mandateData(context, input, mandate, now))) });
  },
  render: ({ mandates }, layout) =>
    mandates.length === 0 ? ["No mandate: each payment is asked for."] : mandates.flatMap((mandate) => mandateLines(mandate, layout)),
});

/** `inbox mute`, `inbox block`, `inbox allow`: the owner's rules about an agent that floods the inbox. */

import * as z from "zod";
import { unixNow } from "../../shared/time.ts";
import { type Command, defineCommand } from "../command-line/command.ts";
import { dryRunField } from "../command-line/fields.ts";
import { agentField, agentKeyOf } from "../purchase/find-agent.ts";
import { listPurchases } from "../purchase/purchase-list.ts";
import { AGENT_RULES, type AgentRule, agentRules, setAgentRule } from "../records/agent-rules.ts";
import { isOpen, keptMandates } from "../records/mandates.ts";
import type { Context } from "../runtime/context.ts";
import { counted, field } from "../runtime/layout.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";

const ruleSchema = z.enum(AGENT_RULES).optional();

interface Words {
  name: string;
  summary: string;
  description: string;
  says: string;
  rule: AgentRule | undefined;
}

function ruleCommand({ name, summary, description, says, rule }: Words): Command {
  return defineCommand({
    name,
    audience: "owner",
    summary,
    description,
    input: z.strictObject({ agent: agentField, ...dryRunField }),
    output: z.strictObject({
      dryRun: z.literal(true).optional(),
      agentKey: z.string(),
      /** The rule now, and the one before. */
      rule: ruleSchema,
      before: ruleSchema,
      /** How many of its requests wait for a decision. */
      waiting: z.number(),
      /** The codes of the mandates under which a blocked agent's key can still sign payments. */
      mandates: z.array(z.string()).optional(),
    }),
    examples: [
      { says, argv: `${name} 7F3K-9QPD` },
      { says: "look first: how many of its requests wait", argv: `${name} 7F3K-9QPD --dry-run` },
    ],
    async run(context, { agent, dryRun }) {
      const key = await agentKeyOf(context, agent);
      if (!key.ok) return key;
      const rules = agentRules(context);
      if (!rules.ok) return rules;
      const set = dryRun ? succeed(rules.data.get(key.data)) : await setAgentRule(context, key.data, rule);
      if (!set.ok) return set;
      const waiting = await listPurchases(context, { state: "pending", agentKey: key.data, limit: Infinity });
      if (!waiting.ok) return waiting;
      const mandates = rule === "blocked" ? await openMandatesOf(context, key.data) : succeed([]);
      if (!mandates.ok) return mandates;
      return succeed({
        ...(dryRun && { dryRun }),
        agentKey: key.data,
        ...(rule && { rule }),
        ...(set.data && { before: set.data }),
        waiting: waiting.data.requests.length,
        ...(mandates.data.length > 0 && { mandates: mandates.data }),
      });
    },
    render: ({ dryRun, agentKey, rule, before, waiting, mandates = [] }, layout) => [
      `${dryRun ? "Nothing was changed. It would be" : before === rule ? "Already" : "Now"} ${rule ?? "allowed"}`,
      ...field(layout, "agent key", agentKey),
      ...field(layout, "waiting", counted(waiting, "request")),
      ...mandates.flatMap((code) => field(layout, "still open", `mandate ${code}; to end it: lez-agent-pay mandate revoke ${code}`)),
    ],
  });
}

async function openMandatesOf(context: Context, agentKey: string): Promise<Outcome<string[]>> {
  const kept = await keptMandates(context);
  if (!kept.ok) return kept;
  const now = unixNow();
  const open = kept.data.mandates.filter((mandate) => mandate.signed.mandate.agent === agentKey && isOpen(mandate, now));
  return succeed(open.map(({ shortCode }) => shortCode));
}

export const inboxMute = ruleCommand({
  name: "inbox mute",
  rule: "muted",
  summary: "do not list the requests of an agent",
  description: "`inbox` counts them instead, and `inbox --all` shows them. A request that you name can still be approved.",
  says: "the agent that made this request",
});

export const inboxBlock = ruleCommand({
  name: "inbox block",
  rule: "blocked",
  summary: "do not list or approve the requests of an agent",
  description:
    "Nothing of this agent can be approved until `inbox allow`, and its tool on this machine pays within no mandate. The agent is not told; its requests expire. A stolen key obeys no tool: end its mandates with `mandate revoke`.",
  says: "the agent that made this request",
});

export const inboxAllow = ruleCommand({
  name: "inbox allow",
  rule: undefined,
  summary: "list an agent's requests again",
  description: "Takes `inbox mute` or `inbox block` back.",
  says: "the agent that made this request",
});

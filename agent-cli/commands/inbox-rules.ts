/** `inbox mute`, `inbox block`, `inbox allow`: the owner's rules about an agent that floods the inbox. */

import * as z from "zod";
import { type Command, defineCommand } from "../command-line/command.ts";
import { dryRunField } from "../command-line/fields.ts";
import { agentField, agentKeyOf } from "../purchase/find-agent.ts";
import { listPurchases } from "../purchase/purchase-list.ts";
import { AGENT_RULES, type AgentRule, agentRules, setAgentRule } from "../records/agent-rules.ts";
import { counted, field } from "../runtime/layout.ts";
import { succeed } from "../runtime/outcome.ts";

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
      return succeed({
        ...(dryRun && { dryRun }),
        agentKey: key.data,
        ...(rule && { rule }),
        ...(set.data && { before: set.data }),
        waiting: waiting.data.requests.length,
      });
    },
    render: ({ dryRun, agentKey, rule, before, waiting }, layout) => [
      `${dryRun ? "Nothing was changed. It would be" : before === rule ? "Already" : "Now"} ${rule ?? "allowed"}`,
      ...field(layout, "agent key", agentKey),
      ...field(layout, "waiting", counted(waiting, "request")),
    ],
  });
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
  description: "Nothing of this agent can be approved until `inbox allow`. The agent is not told; its requests expire.",
  says: "the agent that made this request",
});

export const inboxAllow = ruleCommand({
  name: "inbox allow",
  rule: undefined,
  summary: "list an agent's requests again",
  description: "Takes `inbox mute` or `inbox block` back.",
  says: "the agent that made this request",
});

/** The owner's rules about agents, by agent key: one that floods the inbox is muted or blocked. */

import * as fs from "node:fs";
import * as path from "node:path";
import * as z from "zod";
import { publicKeySchema } from "../../shared/crypto/bytes.ts";
import { formatTimestamp, timestampSchema, unixNow } from "../../shared/time.ts";
import type { Context } from "../runtime/context.ts";
import { readJson, writeJson } from "../runtime/files.ts";
import { MAX_AGENT_RULES } from "../runtime/limits.ts";
import { exclusively } from "../runtime/lock.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import { stateHome } from "../runtime/state-directory.ts";

/** `muted`: its requests are not listed. `blocked`: they cannot be approved either. */
export const AGENT_RULES = ["muted", "blocked"] as const;
export type AgentRule = (typeof AGENT_RULES)[number];

const fileSchema = z.strictObject({
  format: z.literal("lez-agent-pay/agent-rules/1"),
  agents: z.array(z.strictObject({ key: publicKeySchema, rule: z.enum(AGENT_RULES), since: timestampSchema })).max(MAX_AGENT_RULES),
});

/** By agent key. A file that cannot be read is a failure: without it a blocked agent would not be blocked. */
export function agentRules(context: Context): Outcome<ReadonlyMap<string, AgentRule>> {
  const read = readRules(context);
  return read.ok ? succeed(new Map(read.data.agents.map(({ key, rule }) => [key, rule]))) : read;
}

/** Replaces the rule about one agent; undefined removes it. Returns the rule before. */
export function setAgentRule(context: Context, key: string, rule: AgentRule | undefined): Promise<Outcome<AgentRule | undefined>> {
  return exclusively(context, () => {
    const read = readRules(context);
    if (!read.ok) return read;
    const { file, agents } = read.data;
    const before = agents.find((agent) => agent.key === key)?.rule;
    if (before === rule) return succeed(before);
    const others = agents.filter((agent) => agent.key !== key);
    if (rule !== undefined && others.length === MAX_AGENT_RULES) {
      return fail("usage", `There are rules about ${MAX_AGENT_RULES} agents already.`, { hint: "Remove one: lez-agent-pay inbox allow" });
    }
    const written = writeJson(
      file,
      {
        format: "lez-agent-pay/agent-rules/1",
        agents: [...others, ...(rule ? [{ key, rule, since: formatTimestamp(unixNow()) }] : [])],
      } satisfies z.infer<typeof fileSchema>,
      true,
    );
    return written.ok ? succeed(before) : written;
  });
}

function readRules(context: Context): Outcome<{ file: string; agents: z.infer<typeof fileSchema>["agents"] }> {
  const home = stateHome(context);
  if (!home.ok) return home;
  const file = path.join(home.data, "agent-rules.json");
  if (!fs.lstatSync(file, { throwIfNoEntry: false })) return succeed({ file, agents: [] });
  const read = readJson(file, fileSchema, { what: "list of muted and blocked agents", unchangedByOthers: true });
  return read.ok ? succeed({ file, agents: read.data.agents }) : read;
}

/** What can be done once everything is set up. */

import * as path from "node:path";
import { asStarted } from "../command-line/envelope.ts";
import type { Context } from "../runtime/context.ts";
import { packageRoot } from "../runtime/package-root.ts";
import { shellLine } from "../runtime/shell-quote.ts";

/** How an agent's program starts the MCP server: Node and this program by their paths, wherever it is started from. */
interface McpServer {
  command: string;
  args: string[];
  env?: Record<string, string> | undefined;
}

export function mcpServer({ io: { env } }: Context): McpServer {
  const { LEZ_AGENT_PAY_HOME: home, LEZ_FACILITATOR_URL: facilitator } = env;
  const own = { ...(home && { LEZ_AGENT_PAY_HOME: path.resolve(home) }), ...(facilitator && { LEZ_FACILITATOR_URL: facilitator }) };
  const program = path.join(packageRoot(), "agent-cli/bin.js");
  return { command: process.execPath, args: [program, "mcp"], ...(Object.keys(own).length > 0 && { env: own }) };
}

/** Commands are never wrapped: people copy them. */
export function nextSteps({ io: { env } }: Context, { mcp, stack }: { mcp: McpServer; stack?: readonly string[] | undefined }): string[] {
  const step = (sentence: string, ...lines: string[]) => ["", sentence, ...lines.map((line) => `  ${line}`)];
  const own = (line: string) => asStarted(line, env);
  const variables = Object.entries(mcp.env ?? {}).flatMap(([name, value]) => ["-e", `${name}=${value}`]);
  const claude = ["claude", "mcp", "add", "lez-agent-pay", ...variables, "--", mcp.command, ...mcp.args];
  return [
    ...(stack ? step("Start the local stack again; it ends with this command:", own(shellLine(stack))) : []),
    ...step("Give an agent the tools, in Claude Code:", shellLine(claude)),
    ...step("or in the configuration of another MCP client:", JSON.stringify({ mcpServers: { "lez-agent-pay": mcp } })),
    ...step("or, if it has a shell, these instructions:", path.join(packageRoot(), "SKILL.md")),
    ...step("Decide what it asks for, and see what is left:", own("lez-agent-pay inbox --watch"), own("lez-agent-pay balance")),
  ].slice(1);
}

/** `mcp`: the agent's commands as tools of a Model Context Protocol server on stdin and stdout. */

import * as z from "zod";
import { defineCommand } from "../command-line/command.ts";
import { succeed } from "../runtime/outcome.ts";

export const mcp = defineCommand({
  name: "mcp",
  audience: "agent",
  summary: "an MCP server on stdio with the agent's commands as tools",
  description: "No tool approves, declines or revokes, opens a key, or changes a limit. Runs until its client disconnects.",
  input: z.strictObject({}),
  output: z.strictObject({ served: z.literal(true) }),
  story: true,
  examples: [
    { says: "started by an MCP client", argv: "mcp" },
    { says: "its flags: none", argv: "mcp --schema" },
  ],
  async run(context) {
    // Loaded here: the SDK is larger than everything else together.
    const { serve } = await import("../mcp/server.ts");
    await serve(context);
    return succeed({ served: true as const });
  },
  render: () => [],
});

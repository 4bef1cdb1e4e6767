/** The lines that people copy after a first run: each works as it stands, however this program was started. */

import { expect, test } from "vitest";
import { contextFor } from "../runtime/context.ts";
import { processIo } from "../runtime/io.ts";
import { mcpServer, nextSteps } from "./next-steps.ts";

test("under npx our commands begin with npx, and the MCP server keeps its name [next-steps-npx]", () => {
  const context = contextFor({ ...processIo(), env: { npm_command: "exec" } }, [], true);
  const lines = nextSteps(context, { mcp: mcpServer(context), stack: ["lez-agent-pay", "stack", "--persist", "/ledger"] });
  for (const command of ["stack --persist /ledger", "inbox --watch", "balance"]) expect(lines).toContain(`  npx lez-agent-pay ${command}`);
  expect(lines.join("\n")).toContain(`claude mcp add lez-agent-pay -- ${process.execPath}`);
});

/** The tables of commands in docs/commands.md and SKILL.md, from the commands' own definitions, between two markers. */

import { fieldOf } from "../agent-cli/command-line/argv.ts";
import type { Command } from "../agent-cli/command-line/command.ts";
import { COMMANDS } from "../agent-cli/registry.ts";
import { replaceGenerated, table } from "./markdown.ts";

const AUDIENCES: [Command["audience"], string][] = [
  ["agent", "For the agent"],
  ["owner", "For the owner"],
  ["both", "For both"],
  ["dev", "For sellers and development"],
];

/** File name, from the root of the repository → content. */
export function commandTables(): Record<string, string> {
  const everything = AUDIENCES.map(([audience, title]) => `### ${title}\n\n${tableFor(audience)}`).join("\n");
  return {
    "docs/commands.md": replaceGenerated("docs/commands.md", "commands", everything),
    "SKILL.md": replaceGenerated("SKILL.md", "commands", tableFor("agent", "both")),
  };
}

function tableFor(...audiences: Command["audience"][]): string {
  const rows = COMMANDS.filter(({ audience }) => audiences.includes(audience)).map((command) => [usage(command), command.summary]);
  return table([["command", "what"], ...rows]);
}

/** `` `approve <request>`, `owner approve` `` */
function usage(command: Command): string {
  const words = Object.entries(command.input.shape)
    .map(([key, schema]) => fieldOf(key, schema))
    .filter(({ positional }) => positional)
    .map(({ value }) => ` <${value}>`);
  const names = [`${command.name}${words.join("")}`, ...(command.aliases ?? [])];
  return names.map((name) => `\`${name}\``).join(", ");
}

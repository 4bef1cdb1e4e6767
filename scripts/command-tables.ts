/** The tables of commands in docs/commands.md and SKILL.md, from the commands' own definitions, between two markers. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "../agent-cli/command-line/command.ts";
import { fieldOf } from "../agent-cli/command-line/argv.ts";
import { COMMANDS } from "../agent-cli/registry.ts";
import { table } from "./markdown.ts";

const ROOT = join(import.meta.dirname, "..");
const BEGIN = "<!-- commands -->";
const END = "<!-- /commands -->";

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
    "docs/commands.md": between("docs/commands.md", everything),
    "SKILL.md": between("SKILL.md", tableFor("agent", "both")),
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

/** The file with its generated part replaced. People write what is around the markers. */
function between(file: string, content: string): string {
  const text = readFileSync(join(ROOT, file), "utf8");
  const [before, rest] = split(text, BEGIN, file);
  const [, after] = split(rest, END, file);
  return `${before}${BEGIN}\n\n${content}\n${END}${after}`;
}

function split(text: string, marker: string, file: string): [string, string] {
  const at = text.indexOf(marker);
  if (at < 0) throw new Error(`${file} has no ${marker}`);
  return [text.slice(0, at), text.slice(at + marker.length)];
}

/** The tables of commands in README.md and SKILL.md, from the commands' own definitions, between two markers. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "../agent-cli/command-line/command.ts";
import { fieldOf } from "../agent-cli/command-line/argv.ts";
import { COMMANDS } from "../agent-cli/registry.ts";
import { table } from "./markdown.ts";

const ROOT = join(import.meta.dirname, "..");
const BEGIN = "<!-- commands -->";
const END = "<!-- /commands -->";

/** File name, from the root of the repository → content. */
export function commandTables(): Record<string, string> {
  const everybody = COMMANDS.map((command) => [usage(command), command.audience, command.summary]);
  const agents = COMMANDS.filter(({ audience }) => audience === "agent" || audience === "both").map((command) => [
    usage(command),
    command.summary,
  ]);
  return {
    "README.md": between("README.md", table([["command", "for", "what"], ...everybody])),
    "SKILL.md": between("SKILL.md", table([["command", "what"], ...agents])),
  };
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

/** The file with its table exchanged. What is around the markers is people's. */
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

/** The agent's commands as tools: which, under what names, and with what arguments. */
import type { Command } from "../command-line/command.ts";
import { fieldOf, flagOf } from "../command-line/argv.ts";
import { inputSchema } from "../command-line/json-schema.ts";

export interface Tool {
  name: string;
  command: Command;
  description: string;
  inputSchema: Record<string, unknown>;
}

/** Commands of the agent, and of both; never one of the owner's. */
export function toolsOf(commands: readonly Command[]): Tool[] {
  return commands
    .filter(({ audience, tool }) => (audience === "agent" || audience === "both") && tool !== false)
    .map((command) => ({
      name: toolName(command),
      command,
      description: inArguments([`${command.summary}.`, command.description].filter(Boolean).join(" ")),
      inputSchema: inputSchema(command, true),
    }));
}

/** A description's `--max-amount` is a tool's `maxAmount`. */
function inArguments(text: string): string {
  return text.replaceAll(/(?<!\S)--([a-z][a-z-]*)/g, (_, flag: string) =>
    flag.replaceAll(/-([a-z])/g, (__, letter: string) => letter.toUpperCase()),
  );
}

/** `request create` → `request_create` */
export function toolName({ name }: Command): string {
  return name.replaceAll(" ", "_");
}

/** Arguments that the tool does not have: paths of keys, whom to trust, what to overwrite are its person's to say. */
export function foreignArguments({ command }: Tool, given: Record<string, unknown>): string[] {
  return Object.keys(given).filter((key) => {
    // What every object has by birth (`constructor`) is no argument.
    const schema = Object.hasOwn(command.input.shape, key) ? command.input.shape[key] : undefined;
    return schema === undefined || fieldOf(key, schema).local;
  });
}

/** The call as it would be typed, for a `next` that repeats it. */
export function typed({ command }: Tool, given: Record<string, unknown>): string[] {
  const words = Object.entries(command.input.shape).flatMap(([key, schema]) => {
    const value = given[key];
    const { positional } = fieldOf(key, schema);
    const flag = positional ? [] : [`--${flagOf(key)}`];
    if (value === true) return flag;
    const values = Array.isArray(value) ? value : [value];
    return values.flatMap((each: unknown) => (typeof each === "string" || typeof each === "number" ? [...flag, String(each)] : []));
  });
  return [...command.name.split(" "), ...words];
}

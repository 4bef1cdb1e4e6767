import { fieldOf, flagOf } from "../command-line/argv.ts";
/** The agent's commands as tools: their names, descriptions and arguments. */
import type { Command } from "../command-line/command.ts";
import { inputSchema } from "../command-line/json-schema.ts";

export interface Tool {
  name: string;
  command: Command;
  description: string;
  inputSchema: Record<string, unknown>;
}

/** Commands for agents only; never a command of the owner. */
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

/** Turns `--max-amount` in a description into `maxAmount`. */
function inArguments(text: string): string {
  return text.replaceAll(/(?<!\S)--([a-z][a-z-]*)/g, (_, flag: string) =>
    flag.replaceAll(/-([a-z])/g, (__, letter: string) => letter.toUpperCase()),
  );
}

/** `request create` → `request_create` */
export function toolName({ name }: Command): string {
  return name.replaceAll(" ", "_");
}

/** Arguments that the tool does not have. Key paths, trust and overwriting are for the user to decide. */
export function foreignArguments({ command }: Tool, given: Record<string, unknown>): string[] {
  return Object.keys(given).filter((key) => {
    // Inherited members such as `constructor` are no arguments.
    const schema = Object.hasOwn(command.input.shape, key) ? command.input.shape[key] : undefined;
    return schema === undefined || fieldOf(key, schema).local;
  });
}

/** The call as a command line, for a `next` that repeats it. */
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

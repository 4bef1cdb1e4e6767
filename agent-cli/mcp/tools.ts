/** The agent's commands as tools: which, under what names, and with what arguments. */
import type { Command } from "../command.ts";
import { fieldOf } from "../program.ts";
import { inputSchema } from "../schema.ts";

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
      description: [`${command.summary}.`, command.description].filter(Boolean).join(" "),
      inputSchema: inputSchema(command, true),
    }));
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

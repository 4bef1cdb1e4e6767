/** The agent's commands as tools: their names, descriptions, arguments, results and annotations. */

import type { ToolAnnotations } from "@modelcontextprotocol/sdk/types.js";
import * as z from "zod";
import { fieldOf, flagOf } from "../command-line/argv.ts";
import type { Command } from "../command-line/command.ts";
import { inputSchema, outputSchema } from "../command-line/json-schema.ts";

export interface Tool {
  name: string;
  title: string;
  command: Command;
  description: string;
  inputSchema: Record<string, unknown>;
  outputSchema: Record<string, unknown>;
}

/** Commands for agents only; never a command of the owner. */
export function toolsOf(commands: readonly Command[]): Tool[] {
  return commands.flatMap((command) => {
    const { audience, tool, summary, description } = command;
    if (!tool || (audience !== "agent" && audience !== "both")) return [];
    return {
      name: toolName(command),
      title: tool.title,
      command,
      description: inArguments([`${summary}.`, description].filter(Boolean).join(" ")),
      inputSchema: inputSchema(command, true),
      outputSchema: outputSchema(envelopeOf(command)),
    };
  });
}

/** A failure is structured, too, and clients check it against the same schema. */
function envelopeOf({ output }: Command) {
  return z.strictObject({
    ok: z.boolean(),
    data: output.optional().meta({ description: "if ok" }),
    error: z
      .strictObject({
        code: z.string(),
        message: z.string(),
        hint: z.string().optional(),
        retryable: z.boolean(),
        details: z.record(z.string(), z.unknown()).optional(),
      })
      .optional()
      .meta({ description: "if not ok" }),
    next: z
      .strictObject({
        argv: z.array(z.string()),
        by: z.enum(["agent", "owner"]),
        why: z.string(),
        afterSeconds: z.number().optional(),
        tool: z.string().optional(),
        arguments: z.record(z.string(), z.unknown()).optional(),
      })
      .optional()
      .meta({ description: "the next call: a tool with its arguments, or a command line for the owner" }),
    meta: z.strictObject({ command: z.string(), version: z.string(), exit: z.number(), trace: z.string().optional() }),
  });
}

/** MCP's defaults are the opposite of ours: what a command does not declare is said to be false. */
export function annotationsOf({ readOnly, tool }: Command): ToolAnnotations {
  return {
    readOnlyHint: readOnly === true,
    destructiveHint: tool?.destructive === true,
    idempotentHint: tool?.idempotent === true,
    openWorldHint: tool?.openWorld === true,
  };
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

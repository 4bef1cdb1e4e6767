/** A command's input and output as JSON Schema, for its callers. */

import * as z from "zod";
import { fieldOf } from "./argv.ts";
import type { Command } from "./command.ts";

type JsonSchema = Record<string, unknown>;

/** The schema of the command's fields, and of the envelope's `data`. */
export function commandSchema(command: Command): { command: string; input: JsonSchema; output: JsonSchema } {
  return { command: command.name, input: inputSchema(command), output: outputSchema(command.output) };
}

/** @param forTools leaves out fields that are for the command line only */
export function inputSchema({ input }: Command, forTools = false): JsonSchema {
  const shape = Object.entries(input.shape).filter(([key, schema]) => !forTools || !fieldOf(key, schema).local);
  return plain(z.strictObject(Object.fromEntries(shape)), "input", forTools);
}

export function outputSchema(output: z.ZodType): JsonSchema {
  return plain(output, "output");
}

/** JSON Schema cannot express our refinements; descriptions do. */
function plain(schema: z.ZodType, io: "input" | "output", forTools = false): JsonSchema {
  const made = z.toJSONSchema(schema, {
    io,
    unrepresentable: "any",
    override({ jsonSchema }) {
      const { tool } = jsonSchema as z.core.GlobalMeta;
      if (forTools && tool) {
        jsonSchema.description = tool.description;
        delete jsonSchema.anyOf; // a tool says it once
        jsonSchema.type = "string";
      }
      // Hints for the command line mean nothing to a validator.
      for (const hint of ["positional", "short", "value", "local", "tool", "repeats"]) delete (jsonSchema as JsonSchema)[hint];
    },
  }) as JsonSchema;
  return made;
}

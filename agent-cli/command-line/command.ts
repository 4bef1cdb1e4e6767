/** One definition per command. Flags, help, output, schemas, MCP tools, completions and tables are derived from it. */
import type * as z from "zod";
import type { Context } from "../runtime/context.ts";
import type { Layout } from "../runtime/layout.ts";
import type { Outcome } from "../runtime/outcome.ts";

/** `both`: agent and owner. `dev`: for trying things out. An agent's tools are made of `agent` and `both` only. */
export type Audience = "agent" | "owner" | "both" | "dev";

declare module "zod" {
  /** What an input field says about itself beside its description. */
  interface GlobalMeta {
    /** Given by place, not by name. */
    positional?: boolean;
    /** `X` makes `-X` a short form. */
    short?: string;
    /** About this machine, its keys or whom it trusts: for people's command lines, never an argument of a tool. */
    local?: boolean;
    /** Where it could name a file: what a tool takes in its place, and says of it. `text` is no file's name; `download` is one in the client's own folder. */
    tool?: { takes: "text" | "download"; description: string };
    /** What the value is called in help: `file` shows `--out <file>`. */
    value?: string;
  }
}

/** All commands, as help, completions and the MCP server need them. */
export interface Program {
  commands: readonly Command[];
  /** Describes the first word of each group of two-word commands. */
  groups: Readonly<Record<string, string>>;
  version: string;
}

/** The program is part of a command's context, so that no command imports the registry that lists it. */
export interface CommandContext extends Context {
  program: Program;
}

interface Example {
  says: string;
  argv: string;
}

export interface Command<Input extends z.ZodObject = z.ZodObject, Output extends z.ZodType = z.ZodType> {
  /** The words that call it: `owner create`. */
  name: string;
  /** Other words that call the very same command. */
  aliases?: readonly string[];
  audience: Audience;
  /** One line, without a full stop. */
  summary: string;
  /** Paragraphs of help below the summary. */
  description?: string;
  /** Keys are flags: `payTo` is `--pay-to`. Booleans take no value, arrays repeat. */
  input: Input;
  /** The `data` of the envelope. */
  output: Output;
  examples: readonly Example[];
  /** false: not offered as a tool over MCP, although it is for agents. */
  tool?: false;
  /** It only looks: neither asks anybody for money, nor sends nor changes anything. */
  readOnly?: true;
  /** Tells its story as text even when piped, unless `--json` is given. */
  story?: true;
  run(context: CommandContext, input: z.output<Input>): Promise<Outcome<z.output<Output>>>;
  /** The data for people: lines of text. Text from strangers passes `showUnsafe`. */
  render(data: z.output<Output>, layout: Layout): string[];
}

/** Keeps a definition's types together; the registry knows commands by their common shape. */
export function defineCommand<Input extends z.ZodObject, Output extends z.ZodType>(command: Command<Input, Output>): Command {
  return command;
}

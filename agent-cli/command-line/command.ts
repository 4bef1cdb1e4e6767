/** The definition of a command. Flags, help, output, schemas, MCP tools, completions and tables derive from it. */

import type * as z from "zod";
import type { Context } from "../runtime/context.ts";
import type { Layout } from "../runtime/layout.ts";
import type { Outcome } from "../runtime/outcome.ts";

/** `both`: agent and owner. `dev`: for trying things out. Only `agent` and `both` become tools of an agent. */
export type Audience = "agent" | "owner" | "both" | "dev";

declare module "zod" {
  /** What an input field declares besides its description. */
  interface GlobalMeta {
    /** Given by position, not by name. */
    positional?: boolean;
    /** On the command line it may be given several times, and is then an array. */
    repeats?: boolean;
    /** `X` makes `-X` a short form. */
    short?: string;
    /** Concerns this machine, its keys or its trust: for command lines only, never an argument of a tool. */
    local?: boolean;
    /** For fields that can name a file: what a tool takes instead, with its description. `text`: never a file; `download`: a name in the client's folder. */
    tool?: { takes: "text" | "download"; description: string };
    /** The name of the value in help: `file` shows `--out <file>`. */
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
export interface ProgramContext extends Context {
  program: Program;
}

export interface CommandContext extends ProgramContext {
  /** Registers what must happen once the command is over, however it ends: by an interrupt or an error, too. */
  atEnd(ending: () => Promise<void>): void;
}

interface Example {
  says: string;
  argv: string;
}

/** What a tool is called, and what a call may do at worst, in the sense of MCP's annotations. */
interface ToolTraits {
  title: string;
  /** It may spend, undo or remove something. Absent: it only adds. */
  destructive?: true;
  /** A second call with the same arguments changes nothing more. */
  idempotent?: true;
  /** It speaks to servers. Absent: it reads and writes records of this machine only. */
  openWorld?: true;
}

export interface Command<Input extends z.ZodObject = z.ZodObject, Output extends z.ZodType = z.ZodType> {
  /** The words that run it: `owner create`. */
  name: string;
  /** Other words that run the same command. */
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
  /** Makes it a tool over MCP, if it is for agents. */
  tool?: ToolTraits;
  /** It only reads: it asks for no money, sends nothing and changes nothing. */
  readOnly?: true;
  /** Prints text even when piped, unless `--json` is given. */
  story?: true;
  run(context: CommandContext, input: z.output<Input>): Promise<Outcome<z.output<Output>>>;
  /** Renders the data for people. Untrusted text passes `showUnsafe`. */
  render(data: z.output<Output>, layout: Layout): string[];
}

/** Checks a definition's types against each other, then forgets them: the registry lists commands of one common type. */
export function defineCommand<Input extends z.ZodObject, Output extends z.ZodType>(command: Command<Input, Output>): Command {
  return command;
}

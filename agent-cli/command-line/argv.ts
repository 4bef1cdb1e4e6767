/** Parses the command line, with commander, from the command definitions. No command is known here by name. */

import { Command as Commander, CommanderError, Option } from "commander";
import type * as z from "zod";
import { breakLine } from "../runtime/shell-quote.ts";
import type { Audience, Command, Program } from "./command.ts";

/** `raw` is the input as typed; the command's schema has not checked it yet. */
export type Parse =
  | { kind: "run"; command: Command; raw: Record<string, unknown> }
  | { kind: "text"; text: string }
  | { kind: "usage"; message: string; hint: string };

const HELP_WIDTH = 80;
const HEADINGS: Record<Audience, string> = {
  agent: "For the agent:",
  owner: "For the owner:",
  both: "For both:",
  dev: "For trying things out:",
};

export function parseArgv(argv: readonly string[], program: Program): Parse {
  // Other programs spell `quote --help` as `help quote`.
  if (argv[0] === "help") {
    const words = argv.slice(1).filter((word) => !word.startsWith("-"));
    return parseArgv(words.length > 0 && named(words, program) === undefined ? words : [...words, "--help"], program);
  }
  let parsed: Parse | undefined;
  const out: string[] = [];
  const parser = buildParser(program, argv, out, (command, raw) => (parsed = { kind: "run", command, raw }));
  try {
    parser.parse(argv, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: "text", text: out.join("") };
    if (error.code === "commander.help") return { kind: "usage", message: incomplete(argv, program), hint: helpHint(argv, program) };
    return { kind: "usage", message: sentence(error.message), hint: helpHint(argv, program) };
  }
  return parsed ?? { kind: "usage", message: incomplete(argv, program), hint: helpHint(argv, program) };
}

/** Only commands whose words are all in `argv` get their options and arguments: no other can be selected, and building them takes longest. */
function buildParser(
  { commands, groups, version }: Program,
  argv: readonly string[],
  out: string[],
  select: (command: Command, raw: Record<string, unknown>) => void,
) {
  const root = configure(new Commander("lez-agent-pay"));
  root
    // An option belongs to the command whose word stands before it. A group that is a command itself has options of its own.
    .enablePositionalOptions()
    .configureOutput({
      writeOut: (text) => void out.push(text),
      writeErr: () => undefined,
      getOutHelpWidth: () => HELP_WIDTH,
      getOutHasColors: () => false,
    })
    .description("An agent asks, its owner approves, a merchant is paid: x402 on the Logos Execution Zone.")
    .version(version, "-V, --version", "show the version")
    .helpCommand(false);
  const parents = new Map<string, Commander>();
  for (const command of commands) {
    for (const [i, name] of namesOf(command).entries()) {
      const leaf = leafFor(root, parents, groups, name, command.audience);
      // Aliases work, but do not make the help longer.
      leaf.summary(i === 0 ? command.summary : `the same as ${command.name}`).description(describe(command));
      if (name.split(" ").every((word) => argv.includes(word))) addFields(leaf, command);
      leaf.action(() => select(command, rawInput(leaf, command)));
    }
  }
  return root;
}

/** The name that help shows, then the aliases. */
export function namesOf({ name, aliases = [] }: Command): readonly string[] {
  return [name, ...aliases];
}

/** `owner create` is the word `create` below the group `owner`. A group can be a command itself: `demo`. */
function leafFor(root: Commander, parents: Map<string, Commander>, groups: Program["groups"], name: string, audience: Audience): Commander {
  const [first = "", second] = name.split(" ");
  const isGroup = first in groups;
  const parent = parents.get(first) ?? configure(root.command(first), root).helpGroup(HEADINGS[audience]).helpCommand(false);
  if (isGroup) parents.set(first, parent.description(groups[first] ?? "").enablePositionalOptions());
  return second === undefined ? parent : configure(parent.command(second), root);
}

function configure(command: Commander, like?: Commander): Commander {
  return command
    .exitOverride()
    .configureOutput(like?.configureOutput() ?? {})
    .configureHelp({ showGlobalOptions: false })
    .helpOption("-h, --help", "show this help")
    .option("--json", "print one JSON envelope, as when piped")
    .option("--schema", "print the JSON Schema of input and output");
}

function describe({ summary, description, audience, aliases }: Command): string {
  const who = { agent: "the agent", owner: "the owner", both: "agent and owner", dev: "trying things out" }[audience];
  const also = aliases ? `\n\nAlso called: ${aliases.join(", ")}` : "";
  return `${summary}. For ${who}.${description ? `\n\n${description}` : ""}${also}`;
}

function addFields(leaf: Commander, command: Command): void {
  for (const [key, schema] of Object.entries(command.input.shape)) {
    const field = fieldOf(key, schema);
    if (field.positional) {
      const name = field.kind === "array" ? `${field.value}...` : field.value;
      leaf.argument(field.required ? `<${name}>` : `[${name}]`, field.description);
      continue;
    }
    const option = new Option(
      `${field.short ? `-${field.short}, ` : ""}--${flagOf(key)}${field.kind === "boolean" ? "" : ` <${field.value}>`}`,
    );
    // A flag such as --no-ask is a flag of that name here, not the opposite of --ask.
    option.negate = false;
    if (field.deprecated) option.hideHelp();
    option.description = field.required ? `${field.description} (required)` : field.description;
    if (field.kind === "array") option.argParser((value: string, seen?: string[]) => [...(seen ?? []), value]);
    leaf.addOption(option);
  }
  const examples = command.examples.map(({ says, argv }) => `  # ${says}\n${breakLine(`lez-agent-pay ${argv}`, HELP_WIDTH - 4)}`);
  leaf.addHelpText("after", `\nExamples:\n${examples.join("\n")}`);
}

export interface Field {
  kind: "boolean" | "array" | "value";
  required: boolean;
  positional: boolean;
  short?: string | undefined;
  value: string;
  /** The allowed words, if it is an enum. */
  choices: readonly string[];
  /** Concerns this machine: never an argument of a tool. */
  local: boolean;
  /** Still parsed, to say what became of it; in no help and no completion. */
  deprecated: boolean;
  /** What a tool takes instead of a file name. */
  tool?: z.core.GlobalMeta["tool"];
  description: string;
}

export function fieldOf(key: string, schema: z.core.$ZodType): Field {
  const meta = "meta" in schema ? (schema as z.ZodType).meta() : undefined;
  let inner = schema as z.ZodType & { def: { innerType?: z.ZodType } };
  let required = true;
  while (inner.def.innerType) {
    required = false;
    inner = inner.def.innerType;
  }
  return {
    kind: inner.def.type === "boolean" ? "boolean" : inner.def.type === "array" || meta?.repeats ? "array" : "value",
    required,
    positional: meta?.positional === true,
    short: meta?.short,
    value: meta?.value ?? key,
    choices: inner.def.type === "enum" ? (inner as unknown as z.ZodEnum).options.map(String) : [],
    local: meta?.local === true,
    deprecated: meta?.deprecated === true,
    tool: meta?.tool,
    description: meta?.description ?? "",
  };
}

/** `payTo` → `pay-to` */
export function flagOf(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function rawInput(leaf: Commander, command: Command): Record<string, unknown> {
  const { json: _, schema: __, ...raw } = leaf.opts<Record<string, unknown>>();
  const positionals = Object.entries(command.input.shape).filter(([key, schema]) => fieldOf(key, schema).positional);
  positionals.forEach(([key], i) => {
    if (leaf.processedArgs[i] !== undefined) raw[key] = leaf.processedArgs[i];
  });
  return raw;
}

/** The field's name in messages: `--pay-to`, or `<url>`. */
export function fieldName(command: Command, key: string): string {
  const schema = command.input.shape[key];
  const field = schema && fieldOf(key, schema);
  return field?.positional ? `<${field.value}>` : `--${flagOf(key)}`;
}

/** Makes a sentence of commander's `error: unknown option '--ammount'\n(Did you mean --amount?)`. */
function sentence(message: string): string {
  const text = message.replace(/^error: /, "").replace(/\s*\n\s*/g, " ");
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.)?]$/.test(text) ? "" : "."}`;
}

function incomplete(argv: readonly string[], { commands }: Program): string {
  const [group] = argv.filter((word) => !word.startsWith("-"));
  const members = commands.flatMap(namesOf).filter((name) => name.startsWith(`${group} `));
  return group && members.length > 0
    ? `"${group}" needs one more word: ${members.join(", ")}.`
    : "Name a command. `lez-agent-pay --help` lists them.";
}

function helpHint(argv: readonly string[], program: Program): string {
  const name = named(argv, program);
  return `See: lez-agent-pay ${name ? `${name} ` : ""}--help`;
}

/** The longest command or group that the words begin with. */
function named(argv: readonly string[], { commands, groups }: Program): string | undefined {
  const [first = "", second = ""] = argv.filter((word) => !word.startsWith("-"));
  return [`${first} ${second}`, first].find((name) => commandNamed(commands, name) !== undefined || name in groups);
}

export function commandNamed(commands: readonly Command[], name: string): Command | undefined {
  return commands.find((command) => namesOf(command).includes(name));
}

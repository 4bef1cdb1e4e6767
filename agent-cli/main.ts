/** The CLI as a function: arguments and streams in, exit code out. bin.js calls it with those of the process. */

import { commandNamed, namesOf, parseArgv } from "./command-line/argv.ts";
import type { Command } from "./command-line/command.ts";
import { envelope, failureText, type Meta, successText } from "./command-line/envelope.ts";
import { commandSchema } from "./command-line/json-schema.ts";
import { runCommand } from "./command-line/run.ts";
import { COMMANDS, PROGRAM } from "./registry.ts";
import { contextFor, writeLines } from "./runtime/context.ts";
import { EXIT, type ExitCode } from "./runtime/exit-codes.ts";
import { reasonOf } from "./runtime/files.ts";
import { type Io, processIo, watchOutput } from "./runtime/io.ts";
import { layoutFor } from "./runtime/layout.ts";
import { fail, type Outcome, succeed } from "./runtime/outcome.ts";

const VERSION = PROGRAM.version;

export async function main(argv: readonly string[], io: Io = processIo()): Promise<ExitCode> {
  const flushed = watchOutput(io.stdout);
  const code = await answer(argv, io);
  const lost = await flushed();
  if (!lost) return code;
  const failure = fail("output_not_written", `The output could not be written: ${reasonOf(lost)}. The command ran to its end.`);
  writeLines(io.stderr, failureText(failure, layoutFor(io.stderr, io.env), io.env));
  return code === EXIT.ok ? failure.exit : code;
}

async function answer(argv: readonly string[], io: Io): Promise<ExitCode> {
  const asked = argv.slice(0, argv.includes("--") ? argv.indexOf("--") : undefined);
  if (asked.includes("--schema")) {
    const schema = schemaAsked(asked);
    if (schema !== undefined) {
      io.stdout.write(`${JSON.stringify(schema, null, 2)}\n`);
      return EXIT.ok;
    }
  }
  const parse = parseArgv(argv, PROGRAM);
  const piped = io.stdout.isTTY !== true;
  const json = asked.includes("--json") || (piped && parse.kind !== "text" && !(parse.kind === "run" && parse.command.story));

  if (parse.kind === "text") {
    // Help and version are text even when piped, unless --json is given.
    io.stdout.write(json ? envelope(succeed({ text: parse.text }), { version: VERSION }) : parse.text);
    return EXIT.ok;
  }
  const command = parse.kind === "run" ? parse.command : undefined;
  const context = { ...contextFor(io, argv, json), program: PROGRAM };
  const outcome =
    parse.kind === "run" ? await runCommand(parse.command, parse.raw, context) : fail("usage", parse.message, { hint: parse.hint });
  context.progress("");
  print(outcome, command, io, json, context.trace.quoted);
  return outcome.ok ? EXIT.ok : outcome.exit;
}

/** The schema of the command that the words name, or of all commands of a group; undefined if there is none. */
function schemaAsked(words: readonly string[]): object | undefined {
  const [first = "", second = ""] = words.filter((word) => !word.startsWith("-"));
  const command = commandNamed(COMMANDS, `${first} ${second}`) ?? commandNamed(COMMANDS, first);
  if (command) return commandSchema(command);
  const members = COMMANDS.filter((member) => first === "" || namesOf(member).some((name) => name.startsWith(`${first} `)));
  return members.length > 0 ? { commands: members.map(commandSchema) } : undefined;
}

function print(outcome: Outcome<unknown>, command: Command | undefined, io: Io, json: boolean, trace: string | undefined): void {
  const meta: Meta = { ...(command && { command: command.name }), version: VERSION, ...(trace && { trace }) };
  if (json) io.stdout.write(envelope(outcome, meta));
  else if (!outcome.ok) writeLines(io.stderr, failureText(outcome, layoutFor(io.stderr, io.env), io.env, trace));
  else if (command) writeLines(io.stdout, successText(command, outcome, layoutFor(io.stdout, io.env), io.env));
}

/** The CLI as a function: arguments and streams in, exit code out. bin.js calls it with the process's own. */
import packageJson from "../package.json" with { type: "json" };
import type { Command } from "./command.ts";
import { contextFor, writeLines } from "./context.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { type Io, processIo } from "./io.ts";
import { layoutFor } from "./layout.ts";
import { fail, type Outcome, succeed } from "./outcome.ts";
import { envelope, failureText, type Meta, successText } from "./output.ts";
import { fieldName, parseArgv } from "./program.ts";
import { COMMANDS, GROUPS } from "./registry.ts";

const VERSION = packageJson.version;

export async function main(argv: readonly string[], io: Io = processIo()): Promise<ExitCode> {
  const asked = argv.slice(0, argv.includes("--") ? argv.indexOf("--") : undefined);
  const parse = parseArgv(argv, { commands: COMMANDS, groups: GROUPS, version: VERSION });
  const piped = io.stdout.isTTY !== true;
  const json = asked.includes("--json") || (piped && parse.kind !== "text" && !(parse.kind === "run" && parse.command.story));

  if (parse.kind === "text") {
    // Help and version are asked for by name: text even when piped, unless --json says otherwise.
    io.stdout.write(json ? envelope(succeed({ text: parse.text }), { version: VERSION }) : parse.text);
    return EXIT.ok;
  }
  const command = parse.kind === "run" ? parse.command : undefined;
  const outcome =
    parse.kind === "run" ? await runCommand(parse.command, parse.raw, argv, io, json) : fail("usage", parse.message, { hint: parse.hint });
  print(outcome, command, io, json);
  return outcome.ok ? EXIT.ok : outcome.exit;
}

async function runCommand(
  command: Command,
  raw: Record<string, unknown>,
  argv: readonly string[],
  io: Io,
  json: boolean,
): Promise<Outcome<unknown>> {
  const input = command.input.safeParse(raw);
  if (!input.success) {
    const problems = input.error.issues.map(({ path, message, input }) => {
      const missing = input === undefined && raw[String(path[0])] === undefined;
      return `${fieldName(command, String(path[0] ?? ""))} ${missing ? "is required" : message}`;
    });
    return fail("usage", `${problems.join("; ")}.`, { hint: `See: lez-agent-pay ${command.name} --help` });
  }
  try {
    return await Promise.race([command.run(contextFor(io, argv, json), input.data), stopped(io.signal)]);
  } catch (error) {
    // Outcomes are values here; what was thrown is a bug, or a broken machine.
    const problem = error instanceof Error ? error.message : String(error);
    if (io.env["LEZ_AGENT_PAY_DEBUG"] === "1" && error instanceof Error) io.stderr.write(`${error.stack}\n`);
    return fail("internal", `Something broke that should not: ${problem}`, {
      hint: "Run again with LEZ_AGENT_PAY_DEBUG=1 and report what it prints.",
    });
  }
}

/** A command that was interrupted may say itself what that left behind; one that does not in time is left. */
const GRACE_MILLISECONDS = 1000;

function stopped(signal: AbortSignal): Promise<Outcome<never>> {
  const { promise, resolve } = Promise.withResolvers<Outcome<never>>();
  const leave = () => setTimeout(() => resolve(fail("interrupted", "Interrupted.")), GRACE_MILLISECONDS).unref();
  if (signal.aborted) leave();
  else signal.addEventListener("abort", leave, { once: true });
  return promise;
}

function print(outcome: Outcome<unknown>, command: Command | undefined, io: Io, json: boolean): void {
  const meta: Meta = { ...(command && { command: command.name }), version: VERSION };
  if (json) io.stdout.write(envelope(outcome, meta));
  else if (!outcome.ok) writeLines(io.stderr, failureText(outcome, layoutFor(io.stderr, io.env)));
  else if (command) writeLines(io.stdout, successText(command, outcome, layoutFor(io.stdout, io.env)));
}

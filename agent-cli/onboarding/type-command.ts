/** Runs a command as if it had been typed, and shows it: who watches learns the commands. */

import { parseArgv } from "../command-line/argv.ts";
import type { CommandContext } from "../command-line/command.ts";
import { asStarted } from "../command-line/envelope.ts";
import { runCommand } from "../command-line/run.ts";
import { readConfig } from "../runtime/config.ts";
import type { Outcome } from "../runtime/outcome.ts";
import { shellLine } from "../runtime/shell-quote.ts";

/** @param words the command and its flags, without the program's name */
export async function typeCommand(context: CommandContext, ...words: string[]): Promise<Outcome<unknown>> {
  const parse = parseArgv(words, context.program);
  if (parse.kind !== "run") throw new Error(`no command: ${words.join(" ")}`);
  context.say("", context.layout.ink("dim", `$ ${asStarted(shellLine(["lez-agent-pay", ...words]), context.io.env)}`));
  // The command before may have changed the configuration.
  const config = () => readConfig(context.io);
  const outcome = await runCommand(parse.command, parse.raw, { ...context, argv: words, config });
  context.progress("");
  if (outcome.ok) context.say(...parse.command.render(outcome.data, context.layout));
  return outcome;
}

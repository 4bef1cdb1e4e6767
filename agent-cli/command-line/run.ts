/** Runs one command: checks its input, and turns everything that happens into an outcome. */

import { agentFiles } from "../runtime/agent-files.ts";
import { NoHomeError } from "../runtime/config.ts";
import { asAgent } from "../runtime/context.ts";
import { fileFailure } from "../runtime/files.ts";
import { fail, type Outcome } from "../runtime/outcome.ts";
import { stateHomePath } from "../runtime/state-directory.ts";
import { anyFiles } from "../runtime/user-files.ts";
import { fieldName } from "./argv.ts";
import type { Command, ProgramContext } from "./command.ts";

/** @param raw unchecked input, by field names */
export async function runCommand(command: Command, raw: Record<string, unknown>, context: ProgramContext): Promise<Outcome<unknown>> {
  const input = command.input.safeParse(raw);
  if (!input.success) {
    // Over MCP there are no flags and no --help.
    const isTool = context.downloads !== undefined;
    const problems = input.error.issues.map(({ path, message, input }) => {
      const key = String(path[0] ?? "");
      const missing = input === undefined && raw[key] === undefined;
      return `${isTool ? key : fieldName(command, key)} ${missing ? "is required" : message}`;
    });
    const hint = isTool ? "The tool's input schema says what it takes." : `See: lez-agent-pay ${command.name} --help`;
    return fail("usage", `${problems.join("; ")}.`, { hint });
  }
  const endings: (() => Promise<void>)[] = [];
  const atEnd = (ending: () => Promise<void>) => void endings.push(ending);
  const files = forAgents(command) ? agentFiles(context) : anyFiles;
  try {
    const held = forAgents(command) ? asAgent(context) : context;
    return await Promise.race([command.run({ ...held, files, atEnd }, input.data), stopped(context.io.signal)]);
  } catch (error) {
    if (error instanceof NoHomeError) {
      return fail("not_set_up", error.message, { hint: "Set LEZ_AGENT_PAY_HOME to a directory of this user's own." });
    }
    if (context.io.env["LEZ_AGENT_PAY_DEBUG"] === "1" && error instanceof Error) context.io.stderr.write(`${error.stack}\n`);
    const refused = fileFailure(error, stateHomePath(context));
    if (refused) return refused;
    // Expected failures are values; a thrown error is a bug, or a broken machine.
    const problem = error instanceof Error ? error.message : String(error);
    return fail("internal", `Internal error: ${problem}`, {
      hint: "Run it again with LEZ_AGENT_PAY_DEBUG=1 and report the output.",
    });
  } finally {
    for (const ending of endings) await ending();
  }
}

/** An agent may run it. */
function forAgents({ audience }: Command): boolean {
  return audience === "agent" || audience === "both";
}

/** After an interrupt, a command has this long to report what it left behind. */
const GRACE_MILLISECONDS = 1000;

function stopped(signal: AbortSignal): Promise<Outcome<never>> {
  const { promise, resolve } = Promise.withResolvers<Outcome<never>>();
  const leave = () => setTimeout(() => resolve(fail("interrupted", "Interrupted.")), GRACE_MILLISECONDS).unref();
  if (signal.aborted) leave();
  else signal.addEventListener("abort", leave, { once: true });
  return promise;
}

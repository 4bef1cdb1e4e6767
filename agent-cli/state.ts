/** The directory where the CLI remembers things between runs. Nothing in it is secret to its user; it is closed to others. */
import * as os from "node:os";
import * as path from "node:path";
import type { Context } from "./context.ts";
import { ensurePrivateDirectory } from "./files.ts";
import { type Outcome, succeed } from "./outcome.ts";

/** A private directory of that name in the state directory, made if it is not there. */
export function stateDirectory({ io: { env } }: Context, name: string): Outcome<string> {
  const state = env["XDG_STATE_HOME"] || path.join(env["HOME"] || os.homedir(), ".local", "state");
  const home = env["LEZ_AGENT_PAY_HOME"] || path.join(state, "lez-agent-pay");
  for (const directory of [home, path.join(home, name)]) {
    const safe = ensurePrivateDirectory(directory);
    if (!safe.ok) return safe;
  }
  return succeed(path.join(home, name));
}

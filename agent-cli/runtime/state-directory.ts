/** The directory of the CLI's records between runs. Only its user can read it. */
import * as path from "node:path";
import { userDirectory } from "./config.ts";
import type { Context } from "./context.ts";
import { ensurePrivateDirectory } from "./files.ts";
import { type Outcome, succeed } from "./outcome.ts";

/** Its path, whether or not it exists. */
export function stateHomePath({ io: { env } }: Pick<Context, "io">): string {
  return env["LEZ_AGENT_PAY_HOME"] || path.join(userDirectory(env, "XDG_STATE_HOME", ".local/state"), "lez-agent-pay");
}

/** The state directory, created if it does not exist. */
export function stateHome(context: Context): Outcome<string> {
  const home = stateHomePath(context);
  const safe = ensurePrivateDirectory(home);
  return safe.ok ? succeed(home) : safe;
}

/** A private directory in the state directory, created if it does not exist. */
export function stateDirectory(context: Context, name: string): Outcome<string> {
  const home = stateHome(context);
  if (!home.ok) return home;
  const directory = path.join(home.data, name);
  const safe = ensurePrivateDirectory(directory);
  return safe.ok ? succeed(directory) : safe;
}

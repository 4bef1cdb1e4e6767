/** The directory where the CLI remembers things between runs. Nothing in it is secret to its user; it is closed to others. */
import * as path from "node:path";
import { userDirectory } from "./config.ts";
import { ensurePrivateDirectory } from "./files.ts";
import type { Context } from "./context.ts";
import { type Outcome, succeed } from "./outcome.ts";

/** Where it is, whether or not it is there. */
export function stateHomePath({ io: { env } }: Pick<Context, "io">): string {
  return env["LEZ_AGENT_PAY_HOME"] || path.join(userDirectory(env, "XDG_STATE_HOME", ".local/state"), "lez-agent-pay");
}

/** The state directory itself, made if it is not there. */
export function stateHome(context: Context): Outcome<string> {
  const home = stateHomePath(context);
  const safe = ensurePrivateDirectory(home);
  return safe.ok ? succeed(home) : safe;
}

/** A private directory of that name in the state directory, made if it is not there. */
export function stateDirectory(context: Context, name: string): Outcome<string> {
  const home = stateHome(context);
  if (!home.ok) return home;
  const directory = path.join(home.data, name);
  const safe = ensurePrivateDirectory(directory);
  return safe.ok ? succeed(directory) : safe;
}

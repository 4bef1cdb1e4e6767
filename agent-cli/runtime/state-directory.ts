/** The directory of the CLI's records between runs. Only its user can read it. */

import * as path from "node:path";
import { type Places, userDirectory } from "./config.ts";
import type { Context } from "./context.ts";
import { ensurePrivateDirectory } from "./files.ts";
import { type Outcome, succeed } from "./outcome.ts";

/** Its path, whether or not it exists. */
export function stateHomePath({ io }: { io: Places }): string {
  return io.env["LEZ_AGENT_PAY_HOME"] || path.join(userDirectory(io, "XDG_STATE_HOME", ".local/state"), "lez-agent-pay");
}

/** The state directory in the account's own home, which no variable moves; undefined if the account has no home. */
export function accountStateHome({ accountHome }: Places): string | undefined {
  return accountHome && stateHomePath({ io: { env: {}, accountHome } });
}

export const DOWNLOADS = "downloads";

/** The folder for files of an MCP client. */
export function downloadsPath(context: { io: Places }): string {
  return path.resolve(stateHomePath(context), DOWNLOADS);
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

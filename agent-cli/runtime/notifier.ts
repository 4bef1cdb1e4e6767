/**
 * Tells the owner of a new request through a program of the owner's choice: `onRequest` in the configuration. The agent's
 * process starts it, so it learns what the agent knows anyway, and nothing of the agent's words: the short code and the amount.
 */

import { spawn } from "node:child_process";
import { accountConfigFile, configFile, readConfig } from "./config.ts";
import { type Context, warn } from "./context.ts";
import { NOTIFIER_SECONDS } from "./limits.ts";

/** No variable of the agent's reaches the program, but those that a desktop's notifier needs. */
const PASSED_ON = ["LANG", "DISPLAY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"];
const SEARCH_PATH = "/usr/local/bin:/usr/bin:/bin";

/**
 * Waits for the program, for a few seconds at most. Its failure is a warning and never the agent's.
 * @param amount as people read it
 */
export async function notifyOwner(context: Context, code: string, amount: string, seconds = NOTIFIER_SECONDS): Promise<void> {
  const { io } = context;
  // An agent can set variables for a command that it starts: a configuration that was moved names no program.
  const own = accountConfigFile(io);
  const config = own === undefined || own === configFile(io) ? context.config() : readConfig(io, own);
  const [program, ...words] = (config.ok && own !== undefined && config.data.onRequest) || [];
  if (program === undefined) return;
  const env = {
    ...Object.fromEntries(PASSED_ON.flatMap((name) => (io.env[name] === undefined ? [] : [[name, io.env[name]]]))),
    PATH: SEARCH_PATH,
    HOME: io.accountHome,
    LEZ_AGENT_PAY_REQUEST: code,
    LEZ_AGENT_PAY_AMOUNT: amount,
  };
  const problem = await ran(program, [...words, code, amount], { env, cwd: io.accountHome, seconds, signal: io.signal });
  if (problem !== undefined) warn(context, `The owner was not notified: "${program}" ${problem}. The request is in the inbox.`);
}

interface Running {
  env: Record<string, string | undefined>;
  cwd: string | undefined;
  seconds: number;
  signal: AbortSignal;
}

/** Without a shell. In a process group of its own, so that its children end with it. */
function ran(program: string, words: readonly string[], { env, cwd, seconds, signal }: Running): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const child = spawn(program, words, { env, cwd, stdio: "ignore", detached: true });
  const stop = (problem: string) => {
    if (child.pid !== undefined) killGroup(child.pid);
    resolve(problem);
  };
  const timer = setTimeout(stop, seconds * 1000, `did not end within ${seconds} s`);
  const interrupted = () => stop("was interrupted");
  signal.addEventListener("abort", interrupted, { once: true });
  child.on("error", (error: Error & { code?: string }) => resolve(`could not be started (${error.code ?? "unknown reason"})`));
  child.on("exit", (status, by) => resolve(status === 0 ? undefined : `ended with ${by ?? status}`));
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener("abort", interrupted);
  });
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended meanwhile.
  }
}

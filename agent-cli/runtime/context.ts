/** What a command works with: streams, configuration, and ways to speak to people. */

import { showUnsafe } from "../../shared/screen/escapes.ts";
import type { Background } from "./background.ts";
import { type Config, LOCAL_FACILITATOR, readConfig } from "./config.ts";
import { type Egress, egressOf } from "./egress.ts";
import type { Io } from "./io.ts";
import { type Layout, layoutFor, wrap } from "./layout.ts";
import { type Outcome, succeed } from "./outcome.ts";
import { progressOn } from "./progress.ts";
import type { Secret } from "./secret.ts";
import { Trace } from "./trace.ts";
import { noFiles, type UserFiles } from "./user-files.ts";

export interface Context {
  io: Io;
  /** The layout of stderr, which is for people. */
  layout: Layout;
  /** Whether a person at a terminal can be asked. */
  interactive: boolean;
  /** The arguments of this run, for a `next` that repeats it. */
  argv: readonly string[];
  /** The files that the user names; which ones, `runCommand` decides by the command. */
  files: UserFiles;
  /** Goes along with every request of this run. */
  trace: Trace;
  /** The user's configuration, read on first use. */
  config(): Outcome<Config>;
  /** Reports a long wait: one line that is redrawn on a terminal, one line per change elsewhere. */
  progress(state: string): void;
  /** The moment at which this run stops waiting for people, if its caller has a timeout of its own. Milliseconds of the epoch. */
  waitUntil?: number;
  /** Where a payment is presented, if it must outlive this run. */
  background?: Background;
  /** Which addresses this run may reach. Absent for the owner's commands: every one. */
  egress?: () => Outcome<Egress>;
  /** In the desk: what the owner typed into the page, in place of a terminal's question. It opens a key once. */
  typed?: TypedPassphrase;
  /** The only folder for files of an MCP client. Absent on the command line. */
  downloads?: string;
  /** Writes lines for people to stderr. Never data. */
  say(...lines: string[]): void;
  /** Writes lines of a story to stdout, unless the output is JSON. */
  tell(...lines: string[]): void;
}

export interface TypedPassphrase {
  passphrase: Secret;
  /** Is told of the key that it opened, and wipes it when the command is over: the desk's process lives on. */
  opened(key: { wipe(): void }): void;
}

export function contextFor(io: Io, argv: readonly string[], json: boolean): Context {
  let config: Outcome<Config> | undefined;
  const layout = layoutFor(io.stderr, io.env);
  const progress = progressOn(io.stderr, layout);
  return {
    io,
    files: noFiles,
    trace: new Trace(),
    config: () => (config ??= readConfig(io)),
    layout,
    interactive: io.stdin.isTTY === true && io.stderr.isTTY === true,
    argv,
    progress,
    say: (...lines) => {
      progress(""); // ends the line that is redrawn
      writeLines(io.stderr, lines);
    },
    tell: (...lines) => (json ? undefined : writeLines(io.stdout, lines)),
  };
}

/**
 * The same context, held to what agents may reach. The facilitator of the configuration and of the environment is open; one that an
 * agent names on its command line is an address like any other.
 */
export function asAgent<Held extends Context>(context: Held): Held {
  const egress = (): Outcome<Egress> => {
    // Read each time: an MCP server runs for long, and its owner may open or close an origin meanwhile.
    const config = readConfig(context.io);
    if (!config.ok) return config;
    const facilitator = context.io.env["LEZ_FACILITATOR_URL"] ?? config.data.facilitatorUrl ?? LOCAL_FACILITATOR;
    return succeed(egressOf(config.data, facilitator));
  };
  return { ...context, egress };
}

/** Warns people on stderr: nothing has failed, but they should know. */
export function warn(context: Context, sentence: string): void {
  const { layout } = context;
  context.say(...wrap(showUnsafe(`! ${sentence}`), layout.width).map((line) => layout.ink("yellow", line)));
}

export function writeLines(stream: Io["stdout"], lines: readonly string[]): void {
  stream.write(lines.map((line) => `${line}\n`).join(""));
}

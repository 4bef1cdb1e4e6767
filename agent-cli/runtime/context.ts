/** What a command is given to work with. */
import { showUnsafe } from "../../shared/screen/escapes.ts";
import { type Config, readConfig } from "./config.ts";
import type { Io } from "./io.ts";
import { type Layout, layoutFor, wrap } from "./layout.ts";
import type { Outcome } from "./outcome.ts";
import { progressOn } from "./progress.ts";

export interface Context {
  io: Io;
  /** The layout of stderr, where people are spoken to. */
  layout: Layout;
  /** There is a person at a terminal who can be asked. */
  interactive: boolean;
  /** The arguments of this run, for a `next` that repeats it. */
  argv: readonly string[];
  /** What the user has configured; read when it is first asked for. */
  config(): Outcome<Config>;
  /** How a long wait stands. A line that moves on a terminal, one line per change elsewhere. */
  progress(state: string): void;
  /** The longest that this run may block, where whoever started it has a patience of its own. */
  patienceSeconds?: number;
  /** The folder for files of a client that names none elsewhere: an agent over MCP. */
  downloads?: string;
  /** Says something to people, on stderr. Never data. */
  say(...lines: string[]): void;
  /** A line of a story on stdout; nothing when the output is JSON. */
  tell(...lines: string[]): void;
}

export function contextFor(io: Io, argv: readonly string[], json: boolean): Context {
  let config: Outcome<Config> | undefined;
  const layout = layoutFor(io.stderr, io.env);
  const progress = progressOn(io.stderr, layout);
  return {
    io,
    layout,
    interactive: io.stdin.isTTY === true && io.stderr.isTTY === true,
    argv,
    config: () => (config ??= readConfig(io.env)),
    progress,
    say: (...lines) => {
      progress(""); // a line that moves is no place to begin another on
      writeLines(io.stderr, lines);
    },
    tell: (...lines) => (json ? undefined : writeLines(io.stdout, lines)),
  };
}

/** What somebody should know although nothing has failed: a sentence, as wide as the terminal. */
export function warn(context: Context, sentence: string): void {
  const { layout } = context;
  context.say(...wrap(showUnsafe(`! ${sentence}`), layout.width).map((line) => layout.ink("yellow", line)));
}

export function writeLines(stream: Io["stdout"], lines: readonly string[]): void {
  stream.write(lines.map((line) => `${line}\n`).join(""));
}

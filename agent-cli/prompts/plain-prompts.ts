/** Questions on a terminal that cannot redraw (TERM=dumb): one line asks, one line answers. */

import { createInterface } from "node:readline";
import { StringDecoder } from "node:string_decoder";
import { type Context, warn } from "../runtime/context.ts";

interface Question {
  message: string;
  /** Do not show what is typed. */
  hidden?: boolean;
  /** Returns what is wrong with an answer, to ask again; undefined accepts the answer. */
  problem?: ((text: string) => string | undefined) | undefined;
}

/** @returns undefined after Ctrl-C, or at the end of input */
export async function askPlainly(context: Context, { message, hidden = false, problem }: Question): Promise<string | undefined> {
  for (;;) {
    context.io.stderr.write(`${message} `);
    const text = await (hidden ? hiddenLine(context) : shownLine(context));
    if (hidden || text === undefined) context.io.stderr.write("\n"); // the line end was not shown, or never came
    const wrong = text === undefined ? undefined : problem?.(text);
    if (wrong === undefined) return text;
    warn(context, wrong);
  }
}

/** The terminal itself shows and edits the line. */
async function shownLine({ io: { stdin, signal } }: Context): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const lines = createInterface({ input: stdin, terminal: false });
  const stop = () => resolve(undefined);
  lines.once("line", resolve).once("close", stop);
  signal.addEventListener("abort", stop, { once: true });
  const line = await promise;
  signal.removeEventListener("abort", stop);
  lines.close();
  return line;
}

const ENDS = new Set(["\r", "\n"]);
/** Ctrl-C and Ctrl-D: ordinary characters in raw mode. */
const STOPS = new Set(["\u0003", "\u0004"]);
const BACKSPACES = new Set(["\u007f", "\b"]);

async function hiddenLine({ io: { stdin, signal } }: Context): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const decoder = new StringDecoder("utf8");
  const typed: string[] = [];
  const stop = () => resolve(undefined);
  const take = (chunk: Buffer | string) => {
    for (const character of decoder.write(Buffer.from(chunk))) {
      if (ENDS.has(character)) return resolve(typed.join(""));
      if (STOPS.has(character)) return stop();
      if (BACKSPACES.has(character)) typed.pop();
      else typed.push(character);
    }
  };
  stdin.setRawMode?.(true);
  stdin.on("data", take).once("end", stop);
  stdin.resume();
  signal.addEventListener("abort", stop, { once: true });
  const line = await promise;
  signal.removeEventListener("abort", stop);
  stdin.pause();
  stdin.off("data", take).off("end", stop);
  stdin.setRawMode?.(false);
  return line;
}

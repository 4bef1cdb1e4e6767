/** Questions to the person at the terminal, on stderr. An answer is undefined after Ctrl-C, Ctrl-D or Escape. */

import { setTimeout as sleep } from "node:timers/promises";
import { type Context, warn } from "../runtime/context.ts";
import { MAX_CONFIRM_TRIES } from "../runtime/limits.ts";
import { fail, type Failure } from "../runtime/outcome.ts";
import { askPlainly } from "./plain-prompts.ts";

type Answer<Value> = Promise<Value | undefined>;
type Clack = typeof import("@clack/prompts");

// Loaded on first use: most runs ask nothing.
async function ask<Value>(
  context: Context,
  question: (clack: Clack, common: object) => Promise<Value | Clack["CANCEL_SYMBOL"]>,
): Answer<Value> {
  const clack = await import("@clack/prompts");
  if (await typedAhead(context)) return undefined;
  const { stdin, stderr, signal } = context.io;
  // Ctrl-D and a closed terminal end the reader under the question, which would then wait for ever. Escape would toggle a
  // yes-or-no before it leaves, so that a no would stand on the screen as a yes.
  const left = new AbortController();
  const leave = () => left.abort();
  const leaveAtEnd = (chunk: Buffer | string) => {
    const keys = Buffer.from(chunk);
    if (keys.includes(CTRL_D) || (keys.length === 1 && keys[0] === ESCAPE)) leave();
  };
  stdin.on("data", leaveAtEnd).once("end", leave);
  const common = { input: stdin, output: stderr, signal: AbortSignal.any([signal, left.signal]), withGuide: false };
  const answer = await question(clack, common);
  stdin.off("data", leaveAtEnd).off("end", leave);
  return clack.isCancel(answer) ? undefined : answer;
}

/** How long the terminal has to deliver what was typed before the question. */
const DRAIN_MILLISECONDS = 80;
const CTRL_C = 0x03;
const CTRL_D = 0x04;
const ESCAPE = 0x1b;

/**
 * Discards what was typed before the question: early keys, or keys that another program put into the terminal, are no
 * answer to a question that was not on the screen. Returns whether Ctrl-C was among them.
 */
async function typedAhead(context: Context): Promise<boolean> {
  return (await ignoringKeys(context, sleep(DRAIN_MILLISECONDS))).stopped;
}

/** Waits for `done`; keys typed meanwhile are neither shown nor kept. `stopped`: Ctrl-C was among them. */
export async function ignoringKeys<Result>(
  { io: { stdin } }: Context,
  done: Promise<Result>,
): Promise<{ result: Result; stopped: boolean }> {
  if (stdin.isTTY !== true || stdin.setRawMode === undefined) return { result: await done, stopped: false };
  let stopped = false;
  const drop = (chunk: Buffer | string) => (stopped ||= Buffer.from(chunk).includes(CTRL_C));
  stdin.setRawMode(true); // otherwise an unfinished line would be echoed, and not delivered
  stdin.on("data", drop);
  stdin.resume();
  try {
    const result = await done;
    return { result, stopped };
  } finally {
    stdin.pause();
    stdin.off("data", drop);
    stdin.setRawMode(false);
  }
}

/** Asks on a terminal that cannot redraw. */
async function askOnALine(context: Context, question: Parameters<typeof askPlainly>[1]): Answer<string> {
  return (await typedAhead(context)) ? undefined : askPlainly(context, question);
}

export async function askYesOrNo(context: Context, message: string): Answer<boolean> {
  if (context.layout.moves) return ask(context, (clack, common) => clack.confirm({ ...common, message, initialValue: false }));
  const line = await askOnALine(context, { message: `${message} (y/N)` });
  return line === undefined ? undefined : /^\s*y(es)?\s*$/i.test(line);
}

/** @param problem returns what is wrong with an answer, to ask again; undefined accepts the answer */
export function askText(context: Context, message: string, problem?: (text: string) => string | undefined): Answer<string> {
  if (!context.layout.moves) return askOnALine(context, { message: `${message}:`, problem });
  const validate = (text: string | undefined) => problem?.(text ?? "");
  return ask(context, async (clack, common) => {
    const answer = await clack.text({ ...common, message, ...(problem && { validate }) });
    return answer ?? "";
  });
}

/**
 * Asks for a yes that has to be typed, such as an amount. Asks again after a typing error, a few times; an empty answer is a no.
 * @param wrong what is said of a typing error
 */
export async function askTyped(
  context: Context,
  message: string,
  { isRight, wrong }: { isRight: (text: string) => boolean; wrong: string },
): Answer<boolean> {
  for (let tries = 1; ; tries++) {
    const text = await askText(context, message);
    if (text === undefined) return undefined;
    if (text.trim() === "") return false;
    if (isRight(text)) return true;
    if (tries === MAX_CONFIRM_TRIES) return false;
    warn(context, wrong);
  }
}

export function askPassphrase(context: Context, message: string, problem: (text: string) => string | undefined): Answer<string> {
  if (!context.layout.moves) return askOnALine(context, { message: `${message}:`, hidden: true, problem });
  return ask(context, (clack, common) => clack.password({ ...common, message, mask: "*", validate: (text) => problem(text ?? "") }));
}

export async function askChoice<Value extends string>(context: Context, message: string, values: readonly Value[]): Answer<Value> {
  if (!context.layout.moves) {
    const chosen = (text: string) => values.find((value, i) => text.trim() === value || text.trim() === String(i + 1));
    context.say(message, ...values.map((value, i) => `  ${i + 1}  ${value}`));
    const problem = (text: string) =>
      chosen(text) === undefined ? `must be a number, 1 to ${values.length}, or a word of the list` : undefined;
    return chosen((await askOnALine(context, { message: "Number or word:", problem })) ?? "");
  }
  return ask(context, async (clack, common) => {
    const answer = await clack.select<string>({ ...common, message, options: values.map((value) => ({ value, label: value })) });
    return clack.isCancel(answer) ? answer : (answer as Value);
  });
}

/** @param left a sentence that says what the interrupt left behind, if that is known */
export function interrupted(left = ""): Failure {
  return fail("interrupted", `Interrupted. ${left}`.trimEnd());
}

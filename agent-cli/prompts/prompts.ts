/** Questions to the person at the terminal, asked on stderr. undefined: the person left it, with Ctrl-C, Ctrl-D or Escape. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Context } from "../runtime/context.ts";
import { fail, type Failure } from "../runtime/outcome.ts";
import { askPlainly } from "./plain-prompts.ts";

type Answer<Value> = Promise<Value | undefined>;
type Clack = typeof import("@clack/prompts");

// Loaded when something is asked: most runs ask nothing.
async function ask<Value>(
  context: Context,
  question: (clack: Clack, common: object) => Promise<Value | Clack["CANCEL_SYMBOL"]>,
): Answer<Value> {
  const clack = await import("@clack/prompts");
  if (await typedAhead(context)) return undefined;
  const { stdin, stderr, signal } = context.io;
  // Ctrl-D and a terminal that is gone close the reader beneath the question, which would then never be answered; Escape
  // would turn a yes-or-no over before it leaves, so that a no stood on the screen as a yes.
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

/** How long the terminal is given to hand over what was typed before there was a question. */
const DRAIN_MILLISECONDS = 80;
const CTRL_C = 0x03;
const CTRL_D = 0x04;
const ESCAPE = 0x1b;

/**
 * Throws away what was typed before the question: a key pressed early, or keys put into the terminal by somebody else,
 * are no answer to what had not been read. True: Ctrl-C was among it, which is heard.
 */
async function typedAhead(context: Context): Promise<boolean> {
  return (await unheard(context, sleep(DRAIN_MILLISECONDS))).stopped;
}

/** While something is done, nothing that is typed is shown or kept. `stopped`: Ctrl-C was among it, which is heard. */
export async function unheard<Result>({ io: { stdin } }: Context, done: Promise<Result>): Promise<{ result: Result; stopped: boolean }> {
  if (stdin.isTTY !== true || stdin.setRawMode === undefined) return { result: await done, stopped: false };
  let stopped = false;
  const drop = (chunk: Buffer | string) => (stopped ||= Buffer.from(chunk).includes(CTRL_C));
  stdin.setRawMode(true); // a line that has no end yet is not handed over otherwise, and would be echoed
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

/** Where nothing can be drawn over. */
async function askOnALine(context: Context, question: Parameters<typeof askPlainly>[1]): Answer<string> {
  return (await typedAhead(context)) ? undefined : askPlainly(context, question);
}

export async function askYesOrNo(context: Context, message: string): Answer<boolean> {
  if (context.layout.moves) return ask(context, (clack, common) => clack.confirm({ ...common, message, initialValue: false }));
  const line = await askOnALine(context, { message: `${message} (y/N)` });
  return line === undefined ? undefined : /^\s*y(es)?\s*$/i.test(line);
}

/** `problem` says what is wrong with an answer, and the question stays; undefined accepts it. */
export function askText(context: Context, message: string, problem?: (text: string) => string | undefined): Answer<string> {
  if (!context.layout.moves) return askOnALine(context, { message: `${message}:`, problem });
  const validate = (text: string | undefined) => problem?.(text ?? "");
  return ask(context, async (clack, common) => {
    const answer = await clack.text({ ...common, message, ...(problem && { validate }) });
    return answer ?? "";
  });
}

export function askPassphrase(context: Context, message: string, problem: (text: string) => string | undefined): Answer<string> {
  if (!context.layout.moves) return askOnALine(context, { message: `${message}:`, hidden: true, problem });
  return ask(context, (clack, common) => clack.password({ ...common, message, mask: "*", validate: (text) => problem(text ?? "") }));
}

export async function askChoice<Value extends string>(context: Context, message: string, values: readonly Value[]): Answer<Value> {
  if (!context.layout.moves) {
    const chosen = (text: string) => values.find((value, i) => text.trim() === value || text.trim() === String(i + 1));
    context.say(message, ...values.map((value, i) => `  ${i + 1}  ${value}`));
    const problem = (text: string) => (chosen(text) === undefined ? `a number, 1 to ${values.length}, or a word of the list` : undefined);
    return chosen((await askOnALine(context, { message: "Number or word:", problem })) ?? "");
  }
  return ask(context, async (clack, common) => {
    const answer = await clack.select<string>({ ...common, message, options: values.map((value) => ({ value, label: value })) });
    return clack.isCancel(answer) ? answer : (answer as Value);
  });
}

/** @param left what that leaves behind, as a sentence; only where it is known */
export function interrupted(left = ""): Failure {
  return fail("interrupted", `Interrupted. ${left}`.trimEnd());
}

/** Questions to the person at the terminal, asked on stderr. undefined: the person pressed Ctrl-C. */
import type { Context } from "./context.ts";
import { fail, type Failure } from "./outcome.ts";

type Answer<Value> = Promise<Value | undefined>;
type Clack = typeof import("@clack/prompts");

// Loaded when something is asked: most runs ask nothing.
async function ask<Value>(
  context: Context,
  question: (clack: Clack, common: object) => Promise<Value | Clack["CANCEL_SYMBOL"]>,
): Answer<Value> {
  const clack = await import("@clack/prompts");
  const answer = await question(clack, {
    input: context.io.stdin,
    output: context.io.stderr,
    signal: context.io.signal,
    withGuide: false,
  });
  return clack.isCancel(answer) ? undefined : answer;
}

export function askYesOrNo(context: Context, message: string): Answer<boolean> {
  return ask(context, (clack, common) => clack.confirm({ ...common, message, initialValue: false }));
}

/** `problem` says what is wrong with an answer, and the question stays; undefined accepts it. */
export function askText(context: Context, message: string, problem?: (text: string) => string | undefined): Answer<string> {
  const validate = (text: string | undefined) => problem?.(text ?? "");
  return ask(context, async (clack, common) => {
    const answer = await clack.text({ ...common, message, ...(problem && { validate }) });
    return answer ?? "";
  });
}

export function askPassphrase(context: Context, message: string, problem: (text: string) => string | undefined): Answer<string> {
  return ask(context, (clack, common) => clack.password({ ...common, message, mask: "*", validate: (text) => problem(text ?? "") }));
}

export function askChoice<Value extends string>(context: Context, message: string, values: readonly Value[]): Answer<Value> {
  return ask(context, async (clack, common) => {
    const answer = await clack.select<string>({ ...common, message, options: values.map((value) => ({ value, label: value })) });
    return clack.isCancel(answer) ? answer : (answer as Value);
  });
}

export function interrupted(): Failure {
  return fail("interrupted", "Interrupted. Nothing was written.");
}

/** What a command came to, for machines (one JSON envelope) and for people (lines of text). */
import type { Command } from "./command.ts";
import { type Layout, wrap } from "./layout.ts";
import type { Failure, Next, Outcome, Success } from "./outcome.ts";
import { shellLine } from "./program.ts";

export interface Meta {
  /** Absent when the arguments named no command. */
  command?: string;
  version: string;
}

/** One line of JSON: `{ ok, data, next?, meta }` or `{ ok: false, error, next?, meta }`. The exit code is the process's. */
export function envelope(outcome: Outcome<unknown>, meta: Meta): string {
  const { ok, next } = outcome;
  const body = ok ? { ok, data: outcome.data } : { ok, error: outcome.error };
  return `${JSON.stringify({ ...body, ...(next && { next }), meta })}\n`;
}

export function successText(command: Command, outcome: Success<unknown>, layout: Layout): string[] {
  return [...command.render(outcome.data, layout), ...(outcome.next ? nextText(outcome.next, layout) : [])];
}

export function failureText({ error, next }: Failure, layout: Layout): string[] {
  return [
    ...wrap(`${error.message} [${error.code}]`, layout.width).map((line, i) => (i === 0 ? layout.ink("red", line) : line)),
    ...(error.hint ? wrap(error.hint, layout.width) : []),
    ...(next ? nextText(next, layout) : []),
  ];
}

/** Commands are never wrapped: they are there to be copied. */
function nextText({ argv, by, why }: Next, layout: Layout): string[] {
  return ["", layout.ink("dim", `Next, for the ${by}: ${why}`), `  ${shellLine(argv)}`];
}

/** What a command came to, for machines (one JSON envelope) and for people (lines of text). */
import { showUnsafe } from "../shared/text.ts";
import type { Command } from "./command.ts";
import { type Layout, wrap } from "./layout.ts";
import type { Failure, Next, Outcome, Success } from "./outcome.ts";
import { shellLine } from "./shell.ts";

export interface Meta {
  /** Absent when the arguments named no command. */
  command?: string;
  version: string;
  /** The exit code, where no process ends. */
  exit?: number;
}

/** `{ ok, data, next?, meta }` or `{ ok: false, error, next?, meta }`. */
export function envelopeObject(outcome: Outcome<unknown>, meta: Meta): object {
  const { ok, next } = outcome;
  const body = ok ? { ok, data: outcome.data } : { ok, error: outcome.error };
  return { ...body, ...(next && { next }), meta };
}

/** One line of JSON. The exit code is the process's. */
export function envelope(outcome: Outcome<unknown>, meta: Meta): string {
  return `${JSON.stringify(envelopeObject(outcome, meta))}\n`;
}

export function successText(command: Command, outcome: Success<unknown>, layout: Layout): string[] {
  return [...command.render(outcome.data, layout), ...(outcome.next ? nextText(outcome.next, layout) : [])];
}

/** Messages can quote what a file or a server said. */
export function failureText({ error, next }: Failure, layout: Layout): string[] {
  return [
    ...wrap(showUnsafe(`${error.message} [${error.code}]`), layout.width).map((line, i) => (i === 0 ? layout.ink("red", line) : line)),
    ...(error.hint ? wrap(showUnsafe(error.hint), layout.width) : []),
    ...(next ? nextText(next, layout) : []),
  ];
}

/** Commands are never wrapped: they are there to be copied. */
function nextText({ argv, by, why }: Next, layout: Layout): string[] {
  return ["", layout.ink("dim", `Next, for the ${by}: ${why}`), `  ${shellLine(argv)}`];
}

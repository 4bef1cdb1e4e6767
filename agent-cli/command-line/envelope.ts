/** What a command came to, for machines (one JSON envelope) and for people (lines of text). */
import { showUnsafe } from "../../shared/screen/escapes.ts";
import type { Command } from "./command.ts";
import type { Io } from "../runtime/io.ts";
import { field, type Layout, wrap } from "../runtime/layout.ts";
import type { Failure, Next, Outcome, Success } from "../runtime/outcome.ts";
import { shellLine } from "../runtime/shell-quote.ts";

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

type Env = Io["env"];

export function successText(command: Command, outcome: Success<unknown>, layout: Layout, env: Env): string[] {
  return [...command.render(outcome.data, layout), ...(outcome.next ? nextText(outcome.next, layout, env) : [])];
}

/** Messages can quote what a file or a server said. */
export function failureText({ error, next }: Failure, layout: Layout, env: Env): string[] {
  return [
    ...wrap(showUnsafe(`${error.message} [${error.code}]`), layout.width).map((line, i) => (i === 0 ? layout.ink("red", line) : line)),
    ...(error.hint ? wrap(asStarted(showUnsafe(error.hint), env), layout.width) : []),
    ...transactionText(error.details, layout),
    ...(next ? nextText(next, layout, env) : []),
  ];
}

/** What was paid all the same is proved by its transaction: no hint says so without it. */
function transactionText(details: Failure["error"]["details"] = {}, layout: Layout): string[] {
  const { transaction = (details["receipt"] as { transaction?: unknown } | undefined)?.transaction } = details;
  return typeof transaction === "string" && transaction !== "" ? field(layout, "transaction", showUnsafe(transaction), 13) : [];
}

/** Commands are never wrapped: they are there to be copied. */
function nextText({ argv, by, why }: Next, layout: Layout, env: Env): string[] {
  return ["", layout.ink("dim", `Next, for the ${by}: ${why}`), `  ${asStarted(shellLine(argv), env)}`];
}

/** Whoever started it with npx, as in a clone, has no `lez-agent-pay` on the path: what is to be pasted begins like what was typed. */
function asStarted(text: string, { npm_command: npm }: Env): string {
  return npm === "exec" ? text.replaceAll(/(?<![\w./-])lez-agent-pay (?=[a-z-])/g, "npx $&") : text;
}

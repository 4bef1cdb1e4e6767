/** Prints an outcome: one JSON envelope for machines, lines of text for people. */

import * as z from "zod";
import { showUnsafe } from "../../shared/screen/escapes.ts";
import { EXIT, type ExitCode } from "../runtime/exit-codes.ts";
import type { Io } from "../runtime/io.ts";
import { field, type Layout, wrap } from "../runtime/layout.ts";
import type { Failure, Next, Outcome, Success } from "../runtime/outcome.ts";
import { shellLine } from "../runtime/shell-quote.ts";
import type { Command } from "./command.ts";

export interface Meta {
  /** Absent if the arguments name no command. */
  command?: string;
  version: string;
  /** The exit code, for MCP, where no process exits. */
  exit?: number;
  /** Of the requests that this run made, if it made any. */
  trace?: string;
}

const leftOutSchema = z.array(z.looseObject({ request: z.string(), message: z.string() }));

/** `{ ok, data, next?, meta }` or `{ ok: false, error, next?, meta }`. */
export function envelopeObject(outcome: Outcome<unknown>, meta: Meta): object {
  const { ok, next } = outcome;
  const body = ok ? { ok, data: outcome.data } : { ok, error: outcome.error };
  return { ...body, ...(next && { next }), meta };
}

/** The envelope as one line of JSON. */
export function envelope(outcome: Outcome<unknown>, meta: Meta): string {
  return `${JSON.stringify(envelopeObject(outcome, meta))}\n`;
}

type Env = Io["env"];

export function successText(command: Command, outcome: Success<unknown>, layout: Layout, env: Env): string[] {
  return [...command.render(outcome.data, layout), ...(outcome.next ? nextText(outcome.next, layout, env) : [])];
}

/** Messages may quote files and servers, so they pass `showUnsafe`. */
export function failureText({ error, next, exit }: Failure, layout: Layout, env: Env, trace?: string): string[] {
  return [
    ...wrap(showUnsafe(`${error.message} [${error.code}]`), layout.width).map((line, i) => (i === 0 ? layout.ink("red", line) : line)),
    ...(error.hint ? wrap(asStarted(showUnsafe(error.hint), env), layout.width) : []),
    ...leftOutText(error.details, layout, env),
    ...transactionText(error.details, layout),
    ...(trace && QUOTED.has(exit) ? field(layout, "trace", trace) : []),
    ...(next ? nextText(next, layout, env) : []),
  ];
}

/** After these the buyer may have to ask the seller or the operator, who finds the trace in its log. */
const QUOTED: ReadonlySet<ExitCode> = new Set([
  EXIT.paymentRejected,
  EXIT.outcomeUnknown,
  EXIT.httpErrorAfterPayment,
  EXIT.differs,
  EXIT.network,
  EXIT.busy,
]);

/** A failure after a payment shows the transaction that proves the payment. */
function transactionText(details: Failure["error"]["details"] = {}, layout: Layout): string[] {
  const { transaction = (details["receipt"] as { transaction?: unknown } | undefined)?.transaction } = details;
  return typeof transaction === "string" && transaction !== "" ? field(layout, "transaction", showUnsafe(transaction), 13) : [];
}

/** Why each of several requests was left out. The details of a failure are in the envelope, which a terminal does not show. */
function leftOutText(details: Failure["error"]["details"] = {}, layout: Layout, env: Env): string[] {
  const left = leftOutSchema.safeParse(details["leftOut"]);
  if (!left.success) return [];
  return left.data.flatMap(({ request, message }) => wrap(`! ${asStarted(showUnsafe(`${request}: ${message}`), env)}`, layout.width));
}

/** Commands are never wrapped: people copy them. */
function nextText({ argv, by, why }: Next, layout: Layout, env: Env): string[] {
  return ["", layout.ink("dim", `Next, for the ${by}: ${why}`), `  ${asStarted(shellLine(argv), env)}`];
}

/** If npx or `npm run` started this process, `lez-agent-pay` may not be on the path, so commands to paste begin with npx. */
export function asStarted(text: string, { npm_command: npm }: Env): string {
  return npm === "exec" || npm === "run" ? text.replaceAll(/(?<![\w./-])lez-agent-pay (?=[a-z-])/g, "npx $&") : text;
}

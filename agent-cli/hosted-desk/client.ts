/**
 * One call of the owner's hosted desk: an agent's is signed, an owner's goes under a login (owner-login.ts). The desk can withhold an answer
 * and cannot forge one: the caller checks what it says, and shows none of it unescaped.
 */

import * as z from "zod";
import { utf8 } from "../../shared/crypto/bytes.ts";
import { DESK_CALL_HEADER } from "../../shared/desk/agent-api.ts";
import { signDeskCall } from "../../shared/desk/call-check.ts";
import type { WalletSigner } from "../../shared/protocol/signer.ts";
import { quote } from "../../shared/screen/escapes.ts";
import { checkShape, parseJson } from "../../shared/text/json.ts";
import { unixNow } from "../../shared/time.ts";
import { interrupted } from "../prompts/prompts.ts";
import { areApart, CLOCK_HINT, clocksAt, clockSkewText } from "../runtime/clocks.ts";
import type { Context } from "../runtime/context.ts";
import { exchange, type HttpRequest, type HttpResponse } from "../runtime/exchange.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { DESK_ANSWER_SECONDS, MAX_DESK_ANSWER_BYTES } from "../runtime/limits.ts";
import { fail, type Failure, refuse, succeed, type Success } from "../runtime/outcome.ts";

export interface DeskCaller {
  /** The desk's origin. */
  desk: string;
  /** The agent's own key. */
  signer: WalletSigner;
}

export interface CallOf<Schema> {
  method: "GET" | "PUT" | "POST";
  /** With its query. */
  path: string;
  body?: object;
  answer: Schema;
  /** The longest time for the whole answer. */
  timeoutSeconds?: number;
}

/** `silent`: the desk may answer later. Otherwise it has refused this call, and would again. */
export interface DeskFailure extends Failure {
  silent: boolean;
}

const answeredSchema = z.looseObject({ ok: z.literal(true), data: z.unknown() });
const wordsSchema = z.string().optional().catch(undefined);
const refusedSchema = z.looseObject({
  ok: z.literal(false),
  error: z.looseObject({ code: z.string().regex(/^[a-z][a-z_]{0,63}$/), message: wordsSchema, hint: wordsSchema }),
});

export async function callDesk<Schema extends z.core.$ZodType>(
  context: Context,
  { desk, signer }: DeskCaller,
  { method, path, body, answer, timeoutSeconds = DESK_ANSWER_SECONDS }: CallOf<Schema>,
): Promise<Success<z.core.output<Schema>> | DeskFailure> {
  const bytes = body && utf8(JSON.stringify(body));
  const signed = await signDeskCall({ desk, method, path, body: bytes ?? new Uint8Array() }, signer, unixNow());
  const headers: [string, string][] = [[DESK_CALL_HEADER, signed]];
  if (bytes) headers.push(["content-type", "application/json"]);
  return answerOf(context, desk, { method, url: `${desk}${path}`, headers, ...(bytes && { body: bytes }) }, { answer, timeoutSeconds });
}

/** Sends one call, and reads the desk's answer. `response` is what a login reads its cookie from. */
export async function answerOf<Schema extends z.core.$ZodType>(
  context: Context,
  desk: string,
  request: HttpRequest,
  { answer, timeoutSeconds }: { answer: Schema; timeoutSeconds: number },
): Promise<(Success<z.core.output<Schema>> & { response: HttpResponse }) | DeskFailure> {
  const response = await exchange(context, request, { timeoutSeconds, maxBodyBytes: MAX_DESK_ANSWER_BYTES });
  if (!response.ok) {
    if (context.io.signal.aborted) return { ...interrupted(), silent: true };
    if (response.refused) return { ...response.refused, silent: false };
    return silent(`The desk at ${desk} does not answer: ${response.problem}.`);
  }
  if (!response.complete) return silent(`The answer of the desk at ${desk} is not whole: ${response.problem}.`);
  if (response.status < 200 || response.status > 299) return refusal(desk, response);
  const parsed = parseJson(response.body, MAX_DESK_ANSWER_BYTES, answeredSchema);
  const read = parsed.ok ? checkShape(parsed.value.data, answer) : parsed;
  return read.ok ? { ...succeed(read.value), response } : silent(`The desk at ${desk} sent an unusable answer: ${read.problem}.`);
}

function silent(message: string): DeskFailure {
  return { ...fail("network", message), silent: true };
}

const TOO_MANY_REQUESTS = 429;

/** The desk's words are quoted as its own. Its code alone goes on, and it decides nothing about money. */
function refusal(desk: string, { status, headers, body }: HttpResponse): DeskFailure {
  const parsed = parseJson(body, MAX_DESK_ANSWER_BYTES, refusedSchema);
  const later = status >= 500 || status === TOO_MANY_REQUESTS;
  if (!parsed.ok) {
    const failure = fail("network", `${desk} answered ${status}, and not as a desk does.`, { hint: "Check the desk's address." });
    return { ...failure, silent: true };
  }
  const { code, message, hint } = parsed.value.error;
  const clocks = clocksAt(headers);
  const skew = clocks && areApart(clocks) ? ` ${clockSkewText(clocks, "the desk")}` : "";
  const advice = skew ? CLOCK_HINT : hint && `It advises: ${quote(hint)}`;
  const failure = refuse(
    code,
    later ? EXIT.busy : EXIT.notSetUp,
    `The desk at ${desk} refuses: ${quote((message ?? code).replace(/\.$/, ""))}.${skew}`,
    {
      ...(advice && { hint: advice }),
      retryable: later,
      details: { status },
    },
  );
  return { ...failure, silent: later };
}

/** Shared by all endpoints: reading a body, and turning codes and exceptions into responses. */

import type { Context } from "hono";
import type * as z from "zod/mini";
import { type ErrorCode, errorBody, ERRORS, type Problem } from "../../shared/errors.ts";
import { MAX_FACILITATOR_BODY_BYTES, RETRY_AFTER_SECONDS } from "../../shared/limits.ts";
import { logEvent } from "../../shared/log.ts";
import { BackendUnavailable } from "../../shared/settlement/facilitator.ts";
import { type Parsed, parseJson } from "../../shared/text/json.ts";
import { readLimited } from "../../shared/x402/body.ts";
import type { Api } from "./env.ts";

export async function readJson<Schema extends z.core.$ZodType>(
  c: Context<Api>,
  schema: Schema,
  maxBytes: number = MAX_FACILITATOR_BODY_BYTES,
): Promise<Parsed<z.core.output<Schema>>> {
  const body = await readLimited(c.req.raw, maxBytes);
  if (!body) return { ok: false, code: "payload_too_large", problem: `larger than ${maxBytes} bytes, or cut short` };
  return parseJson(body, maxBytes, schema);
}

/** Retry-After, on the answers after which waiting helps. */
export function askToWait(c: Context<Api>, status: number): void {
  if (status === 429 || status === 503) c.header("Retry-After", String(RETRY_AFTER_SECONDS));
}

/** Replaces the words of the error table for one kind of request. */
type Words = Partial<Pick<Problem, "message" | "hint">>;
export type Wording = { readonly [Code in ErrorCode]?: Words };

/** The error table speaks to a buyer at a merchant. These words speak to a caller of this API. */
const WORDING: Wording = {
  invalid_payload: {
    message: "The request is malformed.",
    hint: "Correct what detail says; spec/protocol.md §10 lists what each call takes.",
  },
  unauthorized: { message: "This is for the ledger's operator.", hint: "Send the operator's key as Authorization: Bearer." },
  facilitator_unavailable: { message: "The ledger could not be asked right now.", hint: "Wait for Retry-After, then ask again." },
  overloaded: { hint: "Wait for Retry-After, then ask again." },
  internal_error: { hint: "Ask again later." },
};

/** @param transaction the settlement that used the nonce */
export function problemResponse(c: Context<Api>, code: ErrorCode, words?: Words, detail?: string, transaction?: string) {
  const { status } = ERRORS[code];
  askToWait(c, status);
  const { error, problem } = errorBody(code, detail);
  return c.json({ error, problem: { ...problem, ...WORDING[code], ...words }, ...(transaction && { transaction }) }, status as 400);
}

/** The request has the wrong shape. */
export function malformed(c: Context<Api>, { code = "invalid_payload", problem }: { code?: ErrorCode; problem: string }) {
  return problemResponse(c, code, undefined, problem);
}

/** The code and status for an exception. Its text goes to the log, never to the caller. */
export function failure(c: Context<Api>, error: unknown, code: ErrorCode): [ErrorCode, 500 | 503] {
  logEvent("facilitator.failed", { traceId: c.get("traceId"), path: c.req.path, message: String(error) });
  if (!(error instanceof BackendUnavailable)) return [code, 500];
  return [error.overloaded ? "overloaded" : "facilitator_unavailable", 503];
}

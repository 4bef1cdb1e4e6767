/** The HTTP client of the user's facilitator. */

import * as z from "zod";
import { utf8 } from "../../shared/crypto/bytes.ts";
import { errorBody, type ErrorCode, isErrorCode } from "../../shared/errors.ts";
import { MAX_FACILITATOR_BODY_BYTES } from "../../shared/limits.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import { deadlineText } from "../../shared/screen/duration.ts";
import { quote } from "../../shared/screen/escapes.ts";
import { parseJson } from "../../shared/text/json.ts";
import { formatTimestamp, MAX_UNIX_SECONDS, unixNow } from "../../shared/time.ts";
import { readHeader } from "../keys/books-access.ts";
import { allowHttpField, safeUrl } from "../merchant/curl-request.ts";
import { interrupted } from "../prompts/prompts.ts";
import { type Clocks, clocksAt } from "../runtime/clocks.ts";
import { LOCAL_FACILITATOR } from "../runtime/config.ts";
import type { Context } from "../runtime/context.ts";
import { exchange, type HttpResponse } from "../runtime/exchange.ts";
import { EXIT, type ExitCode } from "../runtime/exit-codes.ts";
import { MAX_BUSY_SECONDS } from "../runtime/limits.ts";
import { fail, type Failure, type Outcome, refuse, succeed, type Success } from "../runtime/outcome.ts";
import type { Secret } from "../runtime/secret.ts";

export const facilitatorFields = {
  facilitatorUrl: z
    .string()
    .optional()
    .meta({ value: "url", local: true, description: "the facilitator; else LEZ_FACILITATOR_URL, else the configured one" }),
  ...allowHttpField,
};

export interface FacilitatorInput {
  facilitatorUrl?: string | undefined;
  allowHttp: boolean;
}

/** A facilitator's time, in unix seconds: one that can be shown. */
export const secondsSchema = z.int().nonnegative().max(MAX_UNIX_SECONDS);

export interface Call<Schema> {
  path: string;
  /** Makes it a POST. */
  body?: object;
  answer: Schema;
  /** The caller's bearer key, for calls that need one. */
  key?: Secret | undefined;
  /** The account whose books it reads: it is signed with this machine's access to them, if there is one. */
  books?: AccountId;
  /** The largest answer that is read. */
  maxBytes?: number;
  /** For a question that can go without its answer. */
  timeoutSeconds?: number;
}

/** The facilitator's address: the flag, else the environment, else the configuration, else the local stack. */
export function facilitatorUrl(context: Context, input: FacilitatorInput): Outcome<string> {
  const { facilitatorUrl: typed } = input;
  const given = typed ?? context.io.env["LEZ_FACILITATOR_URL"];
  const config = given === undefined ? context.config() : undefined;
  if (config && !config.ok) return config;
  const url = safeUrl(given ?? config?.data.facilitatorUrl ?? LOCAL_FACILITATOR, input.allowHttp);
  if (url.ok) return succeed(url.data.replace(/\/$/, ""));
  // Name the source: the command may have another URL, the merchant's.
  const source = typed === undefined ? (config ? `facilitatorUrl of "${config.data.file}"` : "LEZ_FACILITATOR_URL") : "--facilitator-url";
  const { message, code } = url.error;
  const example = code === "usage" && { hint: `For example: ${LOCAL_FACILITATOR}` };
  return { ...url, error: { ...url.error, message: `${source}: ${message}`, ...example } };
}

export interface FacilitatorFailure extends Failure {
  /** The HTTP status of a refusal in the protocol's terms. */
  status?: number;
  /** It can be asked again after so long. Only if that is too long to wait for. */
  retryAfterSeconds?: number;
}

export async function callFacilitator<Schema extends z.core.$ZodType>(
  context: Context,
  input: FacilitatorInput,
  call: Call<Schema>,
): Promise<(Success<z.core.output<Schema>> & { clocks?: Clocks }) | FacilitatorFailure> {
  const base = facilitatorUrl(context, input);
  if (!base.ok) return base;
  const url = `${base.data}${call.path}`;
  const body = call.body && utf8(JSON.stringify(call.body));
  const headers: [string, string][] = [];
  if (body) headers.push(["content-type", "application/json"]);
  const method = body ? "POST" : "GET";
  const read = call.books && (await readHeader(context, { facilitator: base.data, account: call.books }, { method, path: call.path }));
  if (read?.ok && read.data) headers.push(["authorization", read.data]);
  if (call.key) headers.push(["authorization", `Bearer ${Buffer.from(call.key.reveal()).toString()}`]);
  const answer = await exchange(
    context,
    { method, url, headers, ...(body && { body }) },
    {
      ...(call.timeoutSeconds !== undefined && { timeoutSeconds: call.timeoutSeconds }),
    },
  );
  if (!answer.ok) {
    if (context.io.signal.aborted) return interrupted();
    if (answer.refused) return answer.refused;
    return fail("network", `The facilitator at ${base.data} could not be reached: ${answer.problem}.`, {
      hint: "`lez-agent-pay stack` starts a local one; --facilitator-url names another.",
    });
  }
  if (answer.status !== 200) {
    const refused = refusal(answer);
    if (!call.books || refused.error.code !== "unauthorized") return refused;
    return read && !read.ok ? read : closedBooks(call.books, read?.data !== undefined, refused);
  }
  const parsed = parseJson(answer.body, call.maxBytes ?? MAX_FACILITATOR_BODY_BYTES, call.answer);
  const clocks = clocksAt(answer.headers);
  if (parsed.ok) return { ...succeed(parsed.value), ...(clocks && { clocks }) };
  return fail("network", `The facilitator at ${base.data} sent an unusable answer: ${parsed.problem}.`);
}

/** @param tried there is an access, and the facilitator does not take it */
function closedBooks(account: AccountId, tried: boolean, refused: FacilitatorFailure): FacilitatorFailure {
  const why = tried
    ? `This machine's access to the books of ${account} does not count. ${refused.error.message}`
    : `The books of ${account} are closed to this machine: it has no access that the account's owner signed.`;
  const failure = refuse("unauthorized", EXIT.notSetUp, why, {
    hint: "The owner makes one with the passphrase: lez-agent-pay accounts. For another machine: lez-agent-pay books grant",
    next: { argv: ["lez-agent-pay", "accounts"], by: "owner", why: "make an access to the books of the owner's account" },
  });
  return { ...failure, status: 401 };
}

const EXITS: Partial<Record<ErrorCode, ExitCode>> = {
  rate_limited: EXIT.busy,
  overloaded: EXIT.busy,
  facilitator_unavailable: EXIT.busy,
  invalid_payload: EXIT.usage,
  payload_too_large: EXIT.usage,
  recipient_mismatch: EXIT.usage,
  not_found: EXIT.unsupported,
  unauthorized: EXIT.notSetUp,
  nonce_replayed: EXIT.paymentRejected,
  insufficient_funds: EXIT.paymentRejected,
  invalid_signature: EXIT.paymentRejected,
  payment_in_progress: EXIT.busy,
  refund_unknown: EXIT.paymentRejected,
  refund_exceeded: EXIT.paymentRejected,
  refund_expired: EXIT.paymentRejected,
  refund_conflict: EXIT.paymentRejected,
};

const words = z.string().optional().catch(undefined);
const refusalSchema = z.looseObject({
  error: z.string(),
  problem: z.looseObject({ message: words, detail: words, hint: words }).optional().catch(undefined),
});

/** The code alone decides what follows. The facilitator's words, which may know more than the error table, are quoted as its own. */
function refusal({ status, headers, body }: HttpResponse): FacilitatorFailure {
  const parsed = parseJson(body, MAX_FACILITATOR_BODY_BYTES, refusalSchema);
  if (!parsed.ok || !isErrorCode(parsed.value.error)) {
    return fail("network", `The facilitator answered ${status}.`, { hint: "Check the facilitator's URL." });
  }
  const { error: code, problem } = parsed.value;
  const table = errorBody(code).problem;
  const said = [problem?.message, problem?.detail].filter(Boolean).join(" ");
  // A limit that lasts for hours is not "busy": a faucet's is a day's.
  const wait = /^[0-9]{1,6}$/.test(headers["retry-after"] ?? "") ? Number(headers["retry-after"]) : 0;
  const long = code === "rate_limited" && wait > MAX_BUSY_SECONDS;
  const again = long ? ` Ask again at ${deadlineText(formatTimestamp(unixNow() + wait), wait)}.` : "";
  const exit = long ? EXIT.network : (EXITS[code] ?? EXIT.network);
  const failure = refuse(code, exit, `${said ? `The facilitator says: ${quote(said)}` : table.message}${again}`, {
    hint: problem?.hint ? `It advises: ${quote(problem.hint)}` : table.hint,
    retryable: table.retryable,
    details: { status, ...(long && { retryAfterSeconds: wait }) },
  });
  return { ...failure, status, ...(long && { retryAfterSeconds: wait }) };
}

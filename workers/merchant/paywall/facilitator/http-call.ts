/** One call to a facilitator over HTTP: a believable answer, or why there is none and whether the call can have moved money. */

import type * as z from "zod/mini";
import { FACILITATOR_TIMEOUT_SECONDS, MAX_FACILITATOR_BODY_BYTES, MAX_FACILITATOR_REDIRECTS } from "../../../../shared/limits.ts";
import { parseJson } from "../../../../shared/text/json.ts";
import { readLimited } from "../../../../shared/x402/body.ts";
import { TRACE_ID } from "../../../../shared/x402/headers.ts";
import { logOnceAMinute } from "../log.ts";
import type { FacilitatorAddress } from "../types.ts";

export interface Fault {
  /** `nothing`: the call was turned away before it was processed. `unknown`: it may have been carried out. */
  did: "nothing" | "unknown";
  /** `setup`: it stays until the seller changes something. `passing`: the next call may succeed. */
  kind: "setup" | "passing";
  cause: string;
  remedy: string;
}

export type Answer<T> = { ok: true; value: T } | { ok: false; fault: Fault };

/**
 * Calls one path of the facilitator. Each fault leaves one log line a minute, with address, cause and remedy.
 * @param isRefusal whether a value says no. With a status of 4xx only such a value is believed
 */
export async function call<Schema extends z.core.$ZodType>(
  address: FacilitatorAddress,
  path: string,
  schema: Schema,
  traceId: string,
  body: unknown,
  isRefusal: (value: z.core.output<Schema>) => boolean,
  { believesAny = false }: { /** A refusal is believed under every status of 4xx. */ believesAny?: boolean } = {},
): Promise<Answer<z.core.output<Schema>>> {
  const answer = await ask(address, path, schema, traceId, body, isRefusal, believesAny);
  if (!answer.ok) {
    const { kind, cause, remedy } = answer.fault;
    logOnceAMinute("facilitator.fault", `${path} ${cause}`, { traceId, url: `${address.base}${path}`, kind, cause, remedy });
  }
  return answer;
}

async function ask<Schema extends z.core.$ZodType>(
  address: FacilitatorAddress,
  path: string,
  schema: Schema,
  traceId: string,
  body: unknown,
  isRefusal: (value: z.core.output<Schema>) => boolean,
  believesAny: boolean,
): Promise<Answer<z.core.output<Schema>>> {
  let response: Response;
  let bytes: Uint8Array<ArrayBuffer> | undefined;
  try {
    const sent = await follow(address, path, traceId, body);
    if ("did" in sent) return { ok: false, fault: sent };
    response = sent;
    bytes = await readLimited(response, MAX_FACILITATOR_BODY_BYTES);
  } catch (error) {
    const late = error instanceof Error && error.name === "TimeoutError";
    return { ok: false, fault: late ? { ...UNREACHABLE, cause: `no answer in ${FACILITATOR_TIMEOUT_SECONDS} s` } : UNREACHABLE };
  }
  const { status } = response;
  const parsed = parseJson(bytes ?? "", MAX_FACILITATOR_BODY_BYTES, schema);
  if (believesAny && parsed.ok && status >= 400 && status < 500 && isRefusal(parsed.value)) return { ok: true, value: parsed.value };
  const turnedAway = TURNED_AWAY[status];
  if (turnedAway) return { ok: false, fault: turnedAway };
  if (parsed.ok && (response.ok || (status >= 400 && status < 500 && isRefusal(parsed.value)))) return { ok: true, value: parsed.value };
  if (status >= 500) return { ok: false, fault: { ...UNREACHABLE, cause: `it answers ${status}` } };
  const type = /^[\w.+/-]{1,60}/.exec(response.headers.get("Content-Type") ?? "")?.[0] ?? "no content type";
  return { ok: false, fault: { ...NOT_X402, cause: `it answers ${status} with ${type}, which is no x402 v2 answer` } };
}

const UNREACHABLE: Fault = {
  did: "unknown",
  kind: "passing",
  cause: "the connection failed or broke off",
  remedy: "Check that the facilitator runs at this address.",
};
const NOT_X402: Fault = {
  did: "unknown",
  kind: "setup",
  cause: "",
  remedy: "Set FACILITATOR_URL to the base address of an x402 v2 facilitator.",
};
const WANTS_KEY: Fault = {
  did: "nothing",
  kind: "setup",
  cause: "it refuses this merchant's key, or wants one",
  remedy: "Set the secret FACILITATOR_KEY to the key that the facilitator's operator gave you for this payee.",
};
const NO_SUCH_PATH: Fault = { ...NOT_X402, did: "nothing", cause: "nothing is at this path" };

/** Statuses with which servers turn a call away before it is processed. */
const TURNED_AWAY: Readonly<Record<number, Fault>> = {
  401: WANTS_KEY,
  403: WANTS_KEY,
  404: NO_SUCH_PATH,
  405: NO_SUCH_PATH,
  410: NO_SUCH_PATH,
  429: {
    did: "nothing",
    kind: "passing",
    cause: "it limits the rate of calls",
    remedy: "Ask the facilitator's operator for a higher limit.",
  },
};

/** Follows redirects as fetch does, but sends the key to the configured origin only, and never turns a POST into a GET. */
async function follow({ base, key }: FacilitatorAddress, path: string, traceId: string, body: unknown): Promise<Response | Fault> {
  const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  const signal = AbortSignal.timeout(FACILITATOR_TIMEOUT_SECONDS * 1000);
  let url = new URL(`${base}${path}`);
  const { origin } = url;
  for (let hops = 0; hops <= MAX_FACILITATOR_REDIRECTS; hops++) {
    const headers = {
      [TRACE_ID]: traceId,
      "Content-Type": "application/json",
      ...(key && url.origin === origin && { Authorization: `Bearer ${key}` }),
    };
    const response = await fetch(url.href, { ...init, headers, signal, redirect: "manual" });
    const location = response.headers.get("Location");
    if (response.status < 300 || response.status >= 400 || location === null) return response;
    await response.body?.cancel();
    if (!URL.canParse(location, url.href)) break;
    url = new URL(location, url.href);
    // 301 to 303 would repeat a POST as GET. Whatever answered it may have processed it.
    if (body !== undefined && response.status < 307) return { ...NOT_X402, cause: `it redirects a POST with ${response.status}` };
    if (url.protocol !== "https:" && url.protocol !== "http:") break;
  }
  return { ...NOT_X402, did: "nothing", cause: "its redirects lead nowhere" };
}

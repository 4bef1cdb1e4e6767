/** Calls of agents: each is signed. `/agent/ACCOUNT/…` goes to the owner's desk, `/pairings/PLACE` to the place where the agent waits. */

import * as z from "zod/mini";
import { digestSchema } from "../../shared/crypto/digest.ts";
import {
  AGENT_PATH,
  askSchema,
  DESK_CALL_HEADER,
  handedReceiptSchema,
  openPairingSchema,
  PAIRINGS_PATH,
} from "../../shared/desk/agent-api.ts";
import { checkDeskCall } from "../../shared/desk/call-check.ts";
import { type DeskRefusal, malformed, refused, statusOf } from "../../shared/desk/codes.ts";
import { MAX_DESK_ASK_BYTES, MAX_DESK_WAIT_SECONDS } from "../../shared/limits.ts";
import { isAccountId } from "../../shared/protocol/account.ts";
import { checkShape, parseJson } from "../../shared/text/json.ts";
import { unixNow } from "../../shared/time.ts";
import type { AgentCaller, AgentWish } from "./agent-calls.ts";
import { readCall, refusalResponse, toldResponse } from "./answers.ts";
import { originOf } from "./env.ts";
import { countRefused, isShutOut, isWithinLimit, tooMany } from "./stranger-limit.ts";
import type { WorkerEnv } from "./worker-env.ts";

const nothingSchema = z.strictObject({});

/** Refused for who called. */
const NOT_LET_IN = [statusOf("call_refused"), statusOf("not_paired")];

export async function answerAgentCall(request: Request, env: WorkerEnv): Promise<Response> {
  if (isShutOut(request, unixNow())) return tooMany();
  const answer = await answerCall(request, env);
  if (NOT_LET_IN.includes(answer.status)) await countRefused(request, env, unixNow());
  return answer;
}

async function answerCall(request: Request, env: WorkerEnv): Promise<Response> {
  const url = new URL(request.url);
  const header = request.headers.get(DESK_CALL_HEADER);
  if (header === null) return refusalResponse(refused("call_refused", `The call is not signed: it has no ${DESK_CALL_HEADER}.`));
  const read = await readCall(request, MAX_DESK_ASK_BYTES);
  if (!read.ok) return refusalResponse(read);
  const { body } = read;
  const sent = { desk: originOf(env, request.url), method: request.method, path: `${url.pathname}${url.search}`, body };
  const checked = await checkDeskCall(header, sent, unixNow());
  if (!checked.ok) return refusalResponse(refused("call_refused", `The signature of this call does not count: ${checked.problem}.`));
  const { ok: _, ...caller } = checked;
  if (url.pathname.startsWith(PAIRINGS_PATH)) {
    if (!(await isWithinLimit(request, env))) return tooMany();
    return atPlace(request.method, url, body, env, caller);
  }
  const [account, ...path] = url.pathname.slice(AGENT_PATH.length).split("/");
  if (!isAccountId(account)) return refusalResponse(refused("not_found"));
  const wish = wishOf(request.method, path, url.searchParams, body);
  if ("ok" in wish) return refusalResponse(wish);
  return toldResponse(await env.DESK.getByName(account).agent(caller, wish, originOf(env, request.url)));
}

function wishOf(
  method: string,
  [first, second, third, ...rest]: string[],
  query: URLSearchParams,
  body: Uint8Array,
): AgentWish | DeskRefusal {
  const none = refused("not_found");
  if (rest.length > 0) return none;
  const digest = second === undefined ? undefined : checkShape(second, digestSchema);
  if (digest && !digest.ok) return none;
  if (first === "requests" && digest) {
    if (method === "GET" && third === undefined) return { kind: "look", digest: digest.value, wait: secondsIn(query) };
    if (method === "POST" && third === "cancel") return empty(body) ?? { kind: "cancel", digest: digest.value };
    if (method === "POST" && third === "receipt") {
      const handed = parseJson(body, MAX_DESK_ASK_BYTES, handedReceiptSchema);
      return handed.ok ? { kind: "receipt", digest: digest.value, handed: handed.value } : malformed("The call", handed.problem);
    }
    return none;
  }
  if (digest) return none;
  if (method === "POST" && first === "requests") {
    const ask = parseJson(body, MAX_DESK_ASK_BYTES, askSchema);
    return ask.ok ? { kind: "ask", ask: ask.value } : malformed("The call", ask.problem);
  }
  if (method === "GET" && first === "mandates") return { kind: "mandates" };
  if (method === "POST" && first === "unpair") return empty(body) ?? { kind: "unpair" };
  return none;
}

function empty(body: Uint8Array): DeskRefusal | undefined {
  const read = parseJson(body, MAX_DESK_ASK_BYTES, nothingSchema);
  return read.ok ? undefined : malformed("The call", read.problem);
}

/** `?wait=25`: how long the caller waits for news. */
function secondsIn(query: URLSearchParams): number {
  const wait = query.get("wait") ?? "0";
  return /^[0-9]{1,3}$/.test(wait) ? Math.min(Number(wait), MAX_DESK_WAIT_SECONDS) : 0;
}

async function atPlace(method: string, url: URL, body: Uint8Array, env: WorkerEnv, { publicKey }: AgentCaller): Promise<Response> {
  const place = checkShape(url.pathname.slice(PAIRINGS_PATH.length), digestSchema);
  if (!place.ok) return refusalResponse(refused("not_found"));
  const stub = env.PAIRINGS.getByName(place.value);
  if (method === "GET") return toldResponse(await stub.look(publicKey, secondsIn(url.searchParams)));
  if (method !== "PUT") return refusalResponse(refused("not_found"));
  const asked = parseJson(body, MAX_DESK_ASK_BYTES, openPairingSchema);
  if (!asked.ok) return refusalResponse(malformed("The call", asked.problem));
  if (asked.value.agent !== publicKey)
    return refusalResponse(
      refused(
        "call_refused",
        "The call was signed by another key than the one to be paired.",
        "Sign it with the key that is to be paired.",
      ),
    );
  return toldResponse(await stub.open(publicKey, asked.value.account));
}

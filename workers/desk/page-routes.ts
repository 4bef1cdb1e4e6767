/** Calls of the page: from the page of this desk alone, as JSON; and, but for a few, under a login. */

import type * as z from "zod/mini";
import { API_PATH } from "../../shared/desk/api.ts";
import { malformed, refused } from "../../shared/desk/codes.ts";
import type { HostedCallName } from "../../shared/desk/hosted-api.ts";
import { NETWORK } from "../../shared/lez.ts";
import { MAX_DESK_CALL_BYTES } from "../../shared/limits.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import { parseJson } from "../../shared/text/json.ts";
import { readCall, refusalResponse, toldResponse } from "./answers.ts";
import { type AskOf, ASKS, isCallName, isOpenCall } from "./asks.ts";
import { loginCookie, loginIn, NO_COOKIE } from "./cookie.ts";
import { tell } from "./desk-context.ts";
import { originOf, passkeyRules } from "./env.ts";
import { FacilitatorClient } from "./facilitator.ts";
import { pushKey } from "./notices/push-key.ts";
import { isWithinLimit, tooMany } from "./stranger-limit.ts";
import type { WorkerEnv } from "./worker-env.ts";

export async function answerPageCall(request: Request, env: WorkerEnv): Promise<Response> {
  const origin = originOf(env, request.url);
  const stranger = gateRefusal(request, origin);
  if (stranger) return stranger;
  const name = new URL(request.url).pathname.slice(API_PATH.length);
  if (!isCallName(name)) return refusalResponse(refused("not_found", "The desk has no such call."));
  const read = await readCall(request, MAX_DESK_CALL_BYTES);
  if (!read.ok) return refusalResponse(read);
  const ask = parseJson(read.body, MAX_DESK_CALL_BYTES, ASKS[name] as z.ZodMiniType);
  if (!ask.ok) return refusalResponse(malformed("The call", ask.problem));
  const login = loginIn(request.headers.get("Cookie"));
  if (isOpenCall(name)) return (await isWithinLimit(request, env)) ? open(name, ask.value, env, origin, login) : tooMany();
  if (!login) return refusalResponse(refused("signed_out"));
  const told = await env.DESK.getByName(login.account).call(name, ask.value as never, login.token, origin);
  const gone = !told.ok && told.error.code === "signed_out";
  return gone ? withCookie(refusalResponse(told), NO_COOKIE) : toldResponse(told);
}

/** Another site can send neither this origin nor this type. The status says which rule it was. */
function gateRefusal(request: Request, origin: string): Response | undefined {
  const { headers, method } = request;
  const site = headers.get("Sec-Fetch-Site");
  if (method !== "POST") return refusalResponse(refused("desk_refused", "A call is a POST."), 405);
  if (headers.get("Origin") !== origin || (site !== null && site !== "same-origin")) return refusalResponse(refused("desk_refused"));
  if (headers.get("Content-Type") !== "application/json") return refusalResponse(refused("desk_refused", "A call is JSON."), 415);
  return undefined;
}

type Login = ReturnType<typeof loginIn>;

async function open(
  name: HostedCallName & ("desk" | "keys" | "loginNonce" | "login" | "logout"),
  ask: unknown,
  env: WorkerEnv,
  origin: string,
  before: Login,
): Promise<Response> {
  const desk = (account: AccountId) => env.DESK.getByName(account);
  switch (name) {
    case "desk":
      return toldResponse(await about(env, origin));
    case "keys": {
      const { account } = ask as AskOf<"keys">;
      return toldResponse(await desk(account).keys(account));
    }
    case "loginNonce": {
      const { account } = ask as AskOf<"loginNonce">;
      return toldResponse(await desk(account).loginNonce(account));
    }
    case "login": {
      const { login } = ask as AskOf<"login">;
      const told = await desk(login.login.account).login({ login }, origin);
      if (!told.ok || told.token === undefined) return toldResponse(told);
      if (before) await desk(before.account).logout(before.token);
      return toldResponse(tell(told.data), { "Set-Cookie": loginCookie(told.data.account, told.token) });
    }
    default:
      if (before) await desk(before.account).logout(before.token);
      return toldResponse(tell({}), { "Set-Cookie": NO_COOKIE });
  }
}

async function about(env: WorkerEnv, origin: string) {
  const ledger = await new FacilitatorClient(env).ledger();
  const key = await pushKey(env);
  return tell({
    kind: "hosted",
    origin,
    network: NETWORK,
    ...(ledger.ok && { ledger: ledger.value }),
    ...(key !== undefined && { pushKey: key }),
    localhost: passkeyRules(env).localhost === true,
  });
}

function withCookie(response: Response, cookie: string): Response {
  response.headers.set("Set-Cookie", cookie);
  return response;
}

/**
 * The devnet Worker: a sequencer of LEZ v0.3 for tests, demos and wallets. `POST /` is its JSON-RPC; `/control/*` is for the holder of the
 * configured key, `/faucet` for everyone where it is on, and `/explorer` shows the chain to a person.
 */

import * as z from "zod/mini";
import { showsKeyOf } from "../../shared/crypto/bearer-key.ts";
import { type ErrorCode, errorBody, ERRORS } from "../../shared/errors.ts";
import { RETRY_AFTER_SECONDS } from "../../shared/limits.ts";
import { type Parsed, parseJson } from "../../shared/text/json.ts";
import { readLimited } from "../../shared/x402/body.ts";
import { lezAccountIdSchema } from "./config.ts";
import type { Devnet } from "./devnet.ts";
import type { DevnetEnv } from "./env.ts";
import { EXPLORER, PAGE_HEADERS } from "./explorer.ts";
import { FAUCET_LEPTA, MAX_CONTROL_BODY_BYTES, MAX_RPC_BODY_BYTES } from "./limits.ts";

export { Devnet } from "./devnet.ts";

const CONTROL = "/control/";
const grantSchema = z.strictObject({ account: lezAccountIdSchema });

export default {
  async fetch(request: Request, env: DevnetEnv): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const devnet = env.DEVNET.getByName("devnet");
    if (pathname === "/") return answerPost(request, devnet);
    if (request.method === "GET" && (pathname === EXPLORER || pathname.startsWith(`${EXPLORER}/`))) {
      const { status, html } = await devnet.explore(pathname, searchParams.get("before"));
      return new Response(html, { status, headers: PAGE_HEADERS });
    }
    if (request.method !== "POST") return problem("not_found");
    if (pathname === "/faucet" && env.FAUCET === "on") return grant(request, devnet);
    if (!pathname.startsWith(CONTROL) || env.DEVNET_CONTROL === undefined) return refuseRead(request, problem("not_found"));
    const isOperator = showsKeyOf(env.DEVNET_CONTROL, request.headers.get("Authorization") ?? undefined);
    if (!isOperator) return refuseRead(request, problem("unauthorized"));
    return control(request, devnet, pathname.slice(CONTROL.length));
  },
} satisfies ExportedHandler<DevnetEnv>;

/** As jsonrpsee answers HTTP. */
async function answerPost(request: Request, devnet: DurableObjectStub<Devnet>): Promise<Response> {
  if (request.method !== "POST") return new Response("POST is required", { status: 405, headers: { Allow: "POST" } });
  const [type = ""] = (request.headers.get("Content-Type") ?? "").split(";");
  if (type.trim().toLowerCase() !== "application/json") {
    return refuseRead(request, new Response("Content-Type: application/json is required", { status: 415 }));
  }
  const body = await readLimited(request, MAX_RPC_BODY_BYTES);
  if (!body) return new Response("Request body is too large", { status: 413 });
  const answer = await devnet.rpc(body);
  if (answer.kind === "lost") return new Response(brokenOff());
  return new Response(answer.body ?? "", { headers: { "Content-Type": "application/json; charset=utf-8" } });
}

/** Reads the body first, if it is a small one: a connection with an unread body is closed, perhaps under the client's next call. */
async function refuseRead(request: Request, refusal: Response): Promise<Response> {
  await readLimited(request, MAX_CONTROL_BODY_BYTES);
  return refusal;
}

/** A body that ends before it has begun: the caller cannot know what became of its call. */
function brokenOff(): ReadableStream {
  return new ReadableStream({ pull: (controller) => controller.error(new Error("the answer is lost")) });
}

async function control(request: Request, devnet: DurableObjectStub<Devnet>, name: string): Promise<Response> {
  const args = await readBody(request, z.record(z.string(), z.unknown()));
  if (!args.ok) return problem(args.code, args.problem);
  const answer = await devnet.control(name, args.value);
  if (answer.ok) return new Response(answer.body, { headers: { "Content-Type": "application/json" } });
  return answer.problem === undefined ? problem("not_found") : problem("invalid_payload", answer.problem);
}

/** The money comes with the next block. */
async function grant(request: Request, devnet: DurableObjectStub<Devnet>): Promise<Response> {
  const body = await readBody(request, grantSchema);
  if (!body.ok) return problem(body.code, body.problem);
  const granted = await devnet.grant(body.value.account);
  if (granted !== "granted") return problem("rate_limited", granted === "waits" ? "a grant for this account is on its way" : undefined);
  return Response.json({ account: body.value.account, amount: FAUCET_LEPTA.toString() });
}

async function readBody<Schema extends z.core.$ZodType>(request: Request, schema: Schema): Promise<Parsed<z.output<Schema>>> {
  const body = await readLimited(request, MAX_CONTROL_BODY_BYTES);
  if (!body) return { ok: false, code: "payload_too_large", problem: `larger than ${MAX_CONTROL_BODY_BYTES} bytes, or cut short` };
  return parseJson(body.length === 0 ? "{}" : body, MAX_CONTROL_BODY_BYTES, schema);
}

function problem(code: ErrorCode, detail?: string): Response {
  const { status } = ERRORS[code];
  return Response.json(errorBody(code, detail), {
    status,
    ...(status === 429 && { headers: { "Retry-After": String(RETRY_AFTER_SECONDS) } }),
  });
}

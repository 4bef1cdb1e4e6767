/**
 * The facilitator over HTTP: the standard x402 endpoints, and ours beside them. spec/protocol.md.
 *
 * /verify and /settle answer 200 for every request that could be read, valid or not. Whatever else they answer is
 * Verify- or Settle-shaped and holds codes only: stock merchants show a facilitator's free text to their buyers.
 */
import { type Context, Hono } from "hono";
import * as z from "zod/mini";
import { accountIdSchema, parseAccountId } from "../../shared/account.ts";
import { amountSchema } from "../../shared/amount.ts";
import { readLimited } from "../../shared/body.ts";
import { bytesToHex, randomBytes } from "../../shared/bytes.ts";
import { type Digest, digestSchema } from "../../shared/digest.ts";
import { type ErrorCode, errorBody, ERRORS } from "../../shared/errors.ts";
import { BackendUnavailable, type Facilitator, settleFailure } from "../../shared/facilitator.ts";
import { TRACE_ID } from "../../shared/headers.ts";
import { checkShape, type Parsed, parseJson } from "../../shared/json.ts";
import { NETWORK, X402_VERSION } from "../../shared/lez.ts";
import { FAUCET_GRANT, MAX_FACILITATOR_BODY_BYTES, RETRY_AFTER_SECONDS } from "../../shared/limits.ts";
import { isTraceId, logEvent, newTraceId } from "../../shared/log.ts";
import type { FacilitatorEnv } from "./index.ts";
import { ledgerBackend } from "./ledger-backend.ts";

type Api = { Bindings: FacilitatorEnv; Variables: { traceId: string } };

/** VerifyRequest and SettleRequest are the same envelope. Its members are judged by the verification pipeline. */
const envelopeSchema = z.looseObject({
  x402Version: z.number(),
  paymentPayload: z.looseObject({}),
  paymentRequirements: z.looseObject({}),
});

const faucetSchema = z.strictObject({ account: accountIdSchema, amount: z.optional(amountSchema), id: digestSchema });

const settlementSchema = z.strictObject({
  network: z.literal(NETWORK),
  payer: accountIdSchema,
  nonce: digestSchema,
  validBefore: z.pipe(z.string().check(z.regex(/^[0-9]{1,12}$/, "must be the unix seconds that were signed")), z.transform(Number)),
});

export function httpApi(facilitatorFor: (env: FacilitatorEnv, traceId: string) => Promise<Facilitator>): Hono<Api> {
  const api = new Hono<Api>();
  const facilitator = (c: Context<Api>) => facilitatorFor(c.env, c.get("traceId"));
  const backend = (c: Context<Api>) => ledgerBackend(c.env.LEDGER, c.get("traceId"));

  api.use(async (c, next) => {
    const given = c.req.header(TRACE_ID);
    c.set("traceId", isTraceId(given) ? given : newTraceId());
    await next();
    c.header(TRACE_ID, c.get("traceId"));
  });

  api.post("/verify", async (c) => {
    const refuse = (code: ErrorCode, status: 200 | 400 | 413 | 500 | 503) => c.json({ isValid: false, invalidReason: code }, status);
    const envelope = await readJson(c, envelopeSchema);
    if (!envelope.ok) return refuse(envelope.code, envelope.code === "payload_too_large" ? 413 : 400);
    if (envelope.value.x402Version !== X402_VERSION) return refuse("invalid_x402_version", 200);
    try {
      const answer = await (await facilitator(c)).verify(envelope.value.paymentPayload, envelope.value.paymentRequirements);
      logEvent("facilitator.verify", { traceId: c.get("traceId"), ...(answer.invalidReason && { code: answer.invalidReason }) });
      return c.json(answer);
    } catch (error) {
      const [code, status] = failure(c, error, "unexpected_verify_error");
      return refuse(code, status);
    }
  });

  api.post("/settle", async (c) => {
    const refuse = (code: ErrorCode, status: 200 | 400 | 413 | 500 | 503) => c.json(settleFailure(code), status);
    const envelope = await readJson(c, envelopeSchema);
    if (!envelope.ok) return refuse(envelope.code, envelope.code === "payload_too_large" ? 413 : 400);
    if (envelope.value.x402Version !== X402_VERSION) return refuse("invalid_x402_version", 200);
    try {
      const settlementId = bytesToHex(randomBytes(32)) as Digest;
      const answer = await (await facilitator(c)).settle(envelope.value.paymentPayload, envelope.value.paymentRequirements, settlementId);
      logEvent("facilitator.settle", { traceId: c.get("traceId"), ...(answer.errorReason && { code: answer.errorReason }) });
      return c.json(answer);
    } catch (error) {
      const [code, status] = failure(c, error, "unexpected_settle_error");
      return refuse(code, status);
    }
  });

  api.get("/supported", async (c) => c.json((await facilitator(c)).supported()));

  api.get("/settlements/:network/:payer/:nonce", async (c) => {
    const key = checkShape({ ...c.req.param(), validBefore: c.req.query("validBefore") }, settlementSchema);
    if (!key.ok) return refusal(c, key.code, key.problem);
    const { payer, nonce, validBefore } = key.value;
    const { ledger } = await backend(c).info();
    return c.json({ network: NETWORK, ledger, payer, nonce, ...(await backend(c).status(payer, nonce, validBefore)) });
  });

  api.get("/accounts/:id{.+}", async (c) => {
    const id = parseAccountId(c.req.param("id"));
    return id.ok ? c.json(await backend(c).account(id.account)) : refusal(c, "invalid_payload", id.problem);
  });

  api.post("/faucet", async (c) => {
    if (c.env.FAUCET !== "on") return refusal(c, "not_found", "the faucet is off here");
    const grant = await readJson(c, faucetSchema);
    if (!grant.ok) return refusal(c, grant.code, grant.problem);
    const { account, amount = FAUCET_GRANT, id } = grant.value;
    const result = await backend(c).fund(account, amount, id);
    if (!result.ok) return refusal(c, result.code);
    const { transaction, balance } = result;
    return c.json({ success: true, transaction, account, balance });
  });

  api.get("/health", async (c) => c.json({ ok: true, network: NETWORK, ledger: (await backend(c).info()).ledger }));

  api.notFound((c) => refusal(c, "not_found"));
  api.onError((error, c) => refusal(c, failure(c, error, "internal_error")[0]));
  return api;
}

async function readJson<Schema extends z.core.$ZodType>(c: Context<Api>, schema: Schema): Promise<Parsed<z.core.output<Schema>>> {
  const body = await readLimited(c.req.raw.body, MAX_FACILITATOR_BODY_BYTES);
  if (!body) return { ok: false, code: "payload_too_large", problem: `larger than ${MAX_FACILITATOR_BODY_BYTES} bytes` };
  return parseJson(body, MAX_FACILITATOR_BODY_BYTES, schema);
}

function refusal(c: Context<Api>, code: ErrorCode, detail?: string) {
  const { status } = ERRORS[code];
  if (status === 429 || status === 503) c.header("Retry-After", String(RETRY_AFTER_SECONDS));
  return c.json(errorBody(code, detail), status as 400);
}

/** What an exception means to the caller. The exception itself goes to the log, never to the caller. */
function failure(c: Context<Api>, error: unknown, code: ErrorCode): [ErrorCode, 500 | 503] {
  logEvent("facilitator.failed", { traceId: c.get("traceId"), path: c.req.path, message: String(error) });
  if (!(error instanceof BackendUnavailable)) return [code, 500];
  c.header("Retry-After", String(RETRY_AFTER_SECONDS));
  return [error.overloaded ? "overloaded" : "facilitator_unavailable", 503];
}

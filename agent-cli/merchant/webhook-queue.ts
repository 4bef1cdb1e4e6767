/** The client of a merchant's queue of webhooks, for its seller. What it says is the merchant's own word. */

import * as z from "zod";
import { utf8 } from "../../shared/crypto/bytes.ts";
import { errorBody, isErrorCode } from "../../shared/errors.ts";
import { MAX_RESPONSE_BODY_BYTES } from "../../shared/limits.ts";
import { quote } from "../../shared/screen/escapes.ts";
import { parseJson } from "../../shared/text/json.ts";
import { operatorKeyField, withOperatorKey } from "../keys/operator-key.ts";
import { interrupted } from "../prompts/prompts.ts";
import type { Context } from "../runtime/context.ts";
import { exchange, type HttpResponse } from "../runtime/exchange.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { fail, type Failure, type Outcome, refuse, succeed } from "../runtime/outcome.ts";
import { allowHttpField, safeUrl } from "./curl-request.ts";

const PATH = "/.well-known/paywall-webhooks";

export const webhookFields = {
  merchantUrl: z.string().optional().meta({ value: "url", local: true, description: "the seller's merchant; else the configured one" }),
  ...operatorKeyField,
  ...allowHttpField,
};

export interface WebhookInput {
  merchantUrl?: string | undefined;
  operatorKeyFile?: string | undefined;
  allowHttp: boolean;
}

/** Asks the merchant; with a body it is an order. */
export async function askWebhookQueue<Schema extends z.core.$ZodType>(
  context: Context,
  input: WebhookInput,
  schema: Schema,
  order?: object,
): Promise<Outcome<z.core.output<Schema>>> {
  const { allowHttp, operatorKeyFile } = input;
  const config = input.merchantUrl === undefined ? context.config() : undefined;
  if (config && !config.ok) return config;
  const named = input.merchantUrl ?? config?.data.merchantUrl;
  if (named === undefined) return fail("usage", "Name the merchant: --merchant-url https://shop.example");
  const url = safeUrl(named, allowHttp);
  if (!url.ok) return { ...url, error: { ...url.error, message: `The merchant's address: ${url.error.message}` } };
  const { origin } = new URL(url.data);
  return withOperatorKey(operatorKeyFile, async (key) => {
    const headers: [string, string][] = [["authorization", `Bearer ${Buffer.from(key.reveal()).toString()}`]];
    if (order) headers.push(["content-type", "application/json"]);
    const body = order && utf8(JSON.stringify(order));
    const answer = await exchange(context, { method: order ? "POST" : "GET", url: origin + PATH, headers, ...(body && { body }) });
    if (!answer.ok) {
      if (context.io.signal.aborted) return interrupted();
      return answer.refused ?? fail("network", `The merchant at ${origin} could not be reached: ${answer.problem}.`);
    }
    if (answer.status !== 200) return refusal(origin, answer);
    const parsed = parseJson(answer.body, MAX_RESPONSE_BODY_BYTES, schema);
    return parsed.ok ? succeed(parsed.value) : fail("network", `The merchant at ${origin} sent an unusable answer: ${parsed.problem}.`);
  });
}

const refusalSchema = z.looseObject({
  error: z.string(),
  problem: z
    .looseObject({ detail: z.string().optional().catch(undefined) })
    .optional()
    .catch(undefined),
});

function refusal(origin: string, { status, body }: HttpResponse): Failure {
  const said = parseJson(body, MAX_RESPONSE_BODY_BYTES, refusalSchema);
  const code = said.ok && isErrorCode(said.value.error) ? said.value.error : "not_found";
  if (code === "unauthorized") {
    return refuse(code, EXIT.notSetUp, `The merchant at ${origin} does not know this key.`, {
      hint: 'OPERATOR_KEY_SHA256 of its Worker must be the SHA-256 of the key: printf %s "$KEY" | sha256sum',
    });
  }
  if (code === "not_found" || !said.ok) {
    return refuse("not_found", EXIT.unsupported, `The merchant at ${origin} shows no webhooks: it answers ${status}.`, {
      hint: 'Its Worker needs app.route("/", paywallWebhooks()), the binding WEBHOOKS and the secret OPERATOR_KEY_SHA256.',
    });
  }
  const { message, hint, retryable } = errorBody(code).problem;
  const detail = said.value.problem?.detail;
  return refuse(code, retryable ? EXIT.busy : EXIT.usage, `${message}${detail ? ` The merchant says: ${quote(detail)}` : ""}`, {
    hint,
    retryable,
  });
}

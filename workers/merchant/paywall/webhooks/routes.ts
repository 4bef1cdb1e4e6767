/** The seller's view of its webhooks: what waits, and sending it again. */

import type { Context } from "hono";
import { Hono } from "hono/tiny";
import * as z from "zod/mini";
import { showsKeyOf } from "../../../../shared/crypto/bearer-key.ts";
import { LATE, withDeadline } from "../../../../shared/deadline.ts";
import { MAX_WEBHOOK_BYTES, WEBHOOK_HANDOVER_SECONDS } from "../../../../shared/limits.ts";
import { parseJson } from "../../../../shared/text/json.ts";
import { readLimited } from "../../../../shared/x402/body.ts";
import { refuseSeller } from "../refuse-seller.ts";
import type { PaywallEnv } from "../types.ts";
import { webhookQueue } from "./queue.ts";

const PATH = "/.well-known/paywall-webhooks";

const retrySchema = z.strictObject({ id: z.optional(z.string().check(z.regex(/^msg_[0-9a-f]{32}$/, "must be the id of a message"))) });

/**
 * `GET /.well-known/paywall-webhooks`: how many messages wait, and the oldest. `POST` with `{}` or `{"id":"msg_…"}` sends them again, from the
 * first try. For the holder of the bearer key whose SHA-256 is the secret `OPERATOR_KEY_SHA256`; without it both are 404.
 */
export function paywallWebhooks(): Hono<PaywallEnv> {
  return new Hono<PaywallEnv>()
    .get(PATH, (c) => asOperator(c, (queue) => queue.list()))
    .post(PATH, (c) =>
      asOperator(c, async (queue) => {
        const body = await readLimited(c.req.raw, MAX_WEBHOOK_BYTES);
        const asked = parseJson(body ?? "", MAX_WEBHOOK_BYTES, retrySchema);
        if (!asked.ok) return refuseSeller("invalid_payload", asked.problem);
        return { sent: await queue.retry(asked.value.id) };
      }),
    );
}

type Queue = ReturnType<typeof webhookQueue>;

async function asOperator(c: Context<PaywallEnv>, ask: (queue: Queue) => Promise<object | Response>): Promise<Response> {
  const { OPERATOR_KEY_SHA256, WEBHOOKS } = c.env;
  if (!OPERATOR_KEY_SHA256 || !WEBHOOKS) return refuseSeller("not_found");
  if (!showsKeyOf(OPERATOR_KEY_SHA256, c.req.header("Authorization"))) return refuseSeller("unauthorized");
  const answer = await withDeadline(ask(webhookQueue(WEBHOOKS)), WEBHOOK_HANDOVER_SECONDS).catch(() => LATE);
  if (answer === LATE) return refuseSeller("internal_error", "the queue of webhooks does not answer");
  return answer instanceof Response ? answer : c.json(answer, 200, { "Cache-Control": "no-store" });
}

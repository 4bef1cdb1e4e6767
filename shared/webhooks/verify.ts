/** Verifies a message that a merchant sent to its seller's webhook. */

import { equalBytes, utf8 } from "../crypto/bytes.ts";
import { MAX_WEBHOOK_BYTES, WEBHOOK_TOLERANCE_SECONDS } from "../limits.ts";
import { parseJson } from "../text/json.ts";
import { unixNow } from "../time.ts";
import { type WebhookEvent, webhookEventSchema } from "./event.ts";
import { webhookKeys, webhookSignature } from "./signature.ts";

export type VerifiedWebhook =
  /** The merchant sent it. `id` is the same each time that it sends this event: act on it once. */
  | { ok: true; id: string; event: WebhookEvent }
  | {
      ok: false;
      code:
        | "missing_header"
        /** It is older or newer than the tolerance allows: a repeated message of before, or one of the clocks is wrong. */
        | "wrong_time"
        /** It was not signed with this secret, or was changed on its way. */
        | "wrong_signature"
        /** The merchant sent it, and this version does not know such an event. Answer 2xx and ignore it. */
        | "unknown_event";
      problem: string;
    };

type Headers = { get(name: string): string | null } | Record<string, string | string[] | undefined>;

/**
 * Whether the holder of `secret` sent this message, now.
 *
 * @param body as it arrived: its bytes, or their text. Parsed and encoded again it would be another
 * @param headers of the request: `Headers`, or the `headers` of a Node.js request
 * @param secret `whsec_…`; or two with a space between, while one replaces the other
 * @param options `now` in unix seconds; `toleranceSeconds` by which the message may differ from it, 300 by default
 * @throws {TypeError} if `secret` is none
 *
 * @example
 * const message = verifyWebhook(await request.text(), request.headers, env.WEBHOOK_SECRET);
 * if (!message.ok) return new Response(message.code, { status: message.code === "unknown_event" ? 200 : 400 });
 * await book(message.id, message.event);
 */
export function verifyWebhook(
  body: string | Uint8Array,
  headers: Headers,
  secret: string,
  { now = unixNow(), toleranceSeconds = WEBHOOK_TOLERANCE_SECONDS }: { now?: number; toleranceSeconds?: number } = {},
): VerifiedWebhook {
  const keys = webhookKeys(secret);
  const [id, timestamp, signatures] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map((name) => headerOf(headers, name));
  if (!id || !timestamp || !signatures) return refuse("missing_header", "webhook-id, webhook-timestamp or webhook-signature is missing");
  const at = /^[0-9]{1,12}$/.test(timestamp) ? Number(timestamp) : Number.NaN;
  if (!(Math.abs(now - at) <= toleranceSeconds)) return refuse("wrong_time", `it is not of the last ${toleranceSeconds} s`);
  const bytes = typeof body === "string" ? utf8(body) : body;
  const shown = signatures.split(" ").map(utf8);
  // Compares every pair: the time tells none of them apart.
  const matching = keys.flatMap((key) => {
    const expected = utf8(webhookSignature(key, { id, timestamp, body: bytes }));
    return shown.filter((each) => equalBytes(expected, each));
  });
  if (matching.length === 0) return refuse("wrong_signature", "no signature is of this secret over this message");
  const event = parseJson(bytes, MAX_WEBHOOK_BYTES, webhookEventSchema);
  return event.ok ? { ok: true, id, event: event.value } : refuse("unknown_event", event.problem);
}

function headerOf(headers: Headers, name: string): string | undefined {
  const value = typeof headers.get === "function" ? headers.get(name) : (headers as Record<string, string | string[] | undefined>)[name];
  return typeof value === "string" ? value : undefined;
}

function refuse(code: Exclude<VerifiedWebhook, { ok: true }>["code"], problem: string): VerifiedWebhook {
  return { ok: false, code, problem };
}

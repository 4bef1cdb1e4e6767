/** One try to send one message. */

import { utf8 } from "../../../../shared/crypto/bytes.ts";
import { WEBHOOK_TIMEOUT_SECONDS } from "../../../../shared/limits.ts";
import { postOnce } from "../../../../shared/webhooks/post-once.ts";
import { webhookSignature } from "../../../../shared/webhooks/signature.ts";
import type { WebhookSettings } from "./settings.ts";

/** `gone`: the receiver wants no more messages. */
export type Sent = { arrived: true } | { arrived: false; gone: boolean; problem: string };

/** A status 2xx is the receiver's word that it has the message. Its body is not read, and no redirect is followed. Never rejects. */
export async function sendMessage({ url, keys }: WebhookSettings, id: string, text: string, now: number): Promise<Sent> {
  const body = utf8(text) as Uint8Array<ArrayBuffer>;
  const timestamp = String(now);
  const headers = {
    "Content-Type": "application/json",
    "User-Agent": "lez-agent-pay",
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": keys.map((key) => webhookSignature(key, { id, timestamp, body })).join(" "),
  };
  const posted = await postOnce((to, init) => fetch(to, init), { url, headers, body, seconds: WEBHOOK_TIMEOUT_SECONDS });
  if (posted.isOk) return { arrived: true };
  const { status } = posted;
  return { arrived: false, gone: status === 410, problem: status === undefined ? posted.problem : `it answered ${status}` };
}

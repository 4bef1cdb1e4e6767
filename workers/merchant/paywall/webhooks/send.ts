/** One try to send one message. */

import { utf8 } from "../../../../shared/crypto/bytes.ts";
import { MAX_LOGGED_CAUSE_LENGTH, WEBHOOK_TIMEOUT_SECONDS } from "../../../../shared/limits.ts";
import { webhookSignature } from "../../../../shared/webhooks/signature.ts";
import type { WebhookSettings } from "./settings.ts";

/** `gone`: the receiver wants no more messages. */
export type Sent = { arrived: true } | { arrived: false; gone: boolean; problem: string };

/** A status 2xx is the receiver's word that it has the message. Its body is not read, and no redirect is followed. Never rejects. */
export async function sendMessage({ url, keys }: WebhookSettings, id: string, text: string, now: number): Promise<Sent> {
  const body = utf8(text);
  const timestamp = String(now);
  const headers = {
    "Content-Type": "application/json",
    "User-Agent": "lez-agent-pay",
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": keys.map((key) => webhookSignature(key, { id, timestamp, body })).join(" "),
  };
  // Not AbortSignal.timeout: its timer would keep the object awake after the answer.
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), WEBHOOK_TIMEOUT_SECONDS * 1000);
  try {
    const { ok, status, body: answer } = await fetch(url, { method: "POST", headers, body, redirect: "manual", signal: abort.signal });
    void answer?.cancel().catch(() => undefined);
    return ok ? { arrived: true } : { arrived: false, gone: status === 410, problem: `it answered ${status}` };
  } catch (error) {
    const problem = abort.signal.aborted ? `no answer in ${WEBHOOK_TIMEOUT_SECONDS} s` : String(error).slice(0, MAX_LOGGED_CAUSE_LENGTH);
    return { arrived: false, gone: false, problem };
  } finally {
    clearTimeout(timer);
  }
}

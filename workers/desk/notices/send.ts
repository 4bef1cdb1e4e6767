/** One try to tell one device or webhook. */

import { ConfigurationError } from "../../../shared/configuration-error.ts";
import { fromBase64url, utf8 } from "../../../shared/crypto/bytes.ts";
import { NOTICE_TIMEOUT_SECONDS } from "../../../shared/limits.ts";
import { type Post, postOnce } from "../../../shared/webhooks/post-once.ts";
import { encryptPush } from "./encrypt.ts";
import { webhookBody } from "./formats.ts";
import { type Egress, pushAddress, webhookAddress } from "./outgoing.ts";
import { pushKeyOf } from "./push-key.ts";
import type { Subscription } from "./setting-values.ts";
import type { WebhookRow } from "./tables.ts";
import type { Notice } from "./text.ts";

/** `gone`: the subscription has ended. `refused`: another try would end alike. */
export type Sent = { state: "arrived" } | { state: "failed" | "refused" | "gone"; problem: string };

export interface Sender extends Egress {
  PUSH_KEY?: string;
  /** Of the desk. */
  origin: string;
}

/** The topic of a push: a later one of the same topic replaces it at the service. 32 characters at most. */
const TOPIC_LENGTH = 32;
const GONE = [404, 410];
/** Too busy, or too late: the next try may succeed. */
const AGAIN = [408, 425, 429];

/** @param now unix seconds @param until a push that was not delivered by then is dropped by its service */
export async function sendPush(
  sender: Sender,
  { endpoint, keys }: Subscription,
  notice: Notice,
  now: number,
  until: number,
): Promise<Sent> {
  const address = pushAddress(endpoint, sender);
  if (!address.ok) return { state: "refused", problem: address.problem };
  const text = utf8(JSON.stringify(notice));
  const [p256dh, auth] = [keys.p256dh, keys.auth].map((part) => fromBase64url(part) ?? new Uint8Array());
  let sealed: Pick<Post, "body" | "headers">;
  try {
    const { authorization } = await pushKeyOf(sender.PUSH_KEY ?? "");
    sealed = {
      headers: {
        Authorization: await authorization(address.url, sender.origin, now),
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        TTL: String(Math.max(0, until - now)),
        Topic: notice.tag.slice(0, TOPIC_LENGTH),
        Urgency: "high",
      },
      body: await encryptPush(text, { p256dh: p256dh ?? new Uint8Array(), auth: auth ?? new Uint8Array() }),
    };
  } catch (error) {
    const problem =
      error instanceof ConfigurationError ? "this desk has no key of Web Push" : "the keys of the subscription are no browser's";
    return { state: "refused", problem };
  }
  return post({ url: address.url, seconds: NOTICE_TIMEOUT_SECONDS, ...sealed }, GONE);
}

export async function sendWebhook(sender: Sender, { format, url }: WebhookRow, notice: Notice): Promise<Sent> {
  const address = webhookAddress(url, format, sender);
  if (!address.ok) return { state: "refused", problem: address.problem };
  const { headers, body } = webhookBody(format, notice, sender.origin);
  return post({ url: address.url, headers: { "User-Agent": "lez-agent-pay", ...headers }, body, seconds: NOTICE_TIMEOUT_SECONDS }, []);
}

async function post(what: Post, gone: readonly number[]): Promise<Sent> {
  const posted = await postOnce((url, init) => fetch(url, init), what);
  if (posted.isOk) return { state: "arrived" };
  const { status } = posted;
  if (status === undefined) return { state: "failed", problem: posted.problem };
  const problem = `it answered ${status}`;
  if (gone.includes(status)) return { state: "gone", problem };
  return { state: status >= 500 || AGAIN.includes(status) ? "failed" : "refused", problem };
}

/**
 * The Durable Object `Webhooks`, one for the merchant: it keeps the messages for the seller's receiver on disk, and its alarm sends them
 * until the receiver has taken them. Without messages it deletes itself.
 */

import { DurableObject } from "cloudflare:workers";
import { ConfigurationError } from "../../../../shared/configuration-error.ts";
import { utf8 } from "../../../../shared/crypto/bytes.ts";
import { bodyDigest, type Digest } from "../../../../shared/crypto/digest.ts";
import {
  ALARM_RETRY_SECONDS,
  MAX_ALARM_GAP_SECONDS,
  SWEEP_INTERVAL_SECONDS,
  WEBHOOK_BATCH,
  WEBHOOK_KEPT_SECONDS,
  WEBHOOKS_AT_ONCE,
  WEBHOOKS_LISTED,
} from "../../../../shared/limits.ts";
import { logEvent } from "../../../../shared/log.ts";
import { UnsupportedSchema } from "../../../../shared/migrations.ts";
import { formatTimestamp, unixNow } from "../../../../shared/time.ts";
import { type WebhookEvent, webhookId } from "../../../../shared/webhooks/event.ts";
import { believesClock } from "../believed-clock.ts";
import { logOnceAMinute } from "../log.ts";
import type { PaywallBindings } from "../types.ts";
import { type Message, MessageTable } from "./message-table.ts";
import type { ListedMessage, QueueResult, WebhookList } from "./queue.ts";
import { hasTable, migrateWebhooks } from "./schema.ts";
import { sendMessage } from "./send.ts";
import { type WebhookSettings, webhookSettings } from "./settings.ts";

/** How many messages a full queue refused, and when it refused the last one: `{ count, at }`. */
const REFUSED = "refused";
/** The digest of the address that answered 410. */
const GONE = "gone";

interface Refused {
  count: number;
  /** Unix seconds. */
  at: number;
}

/** Names, arguments and results of its methods stay: during a deployment, the paywall of one version calls the object of another. */
export class Webhooks extends DurableObject<PaywallBindings> {
  readonly #messages: MessageTable;
  /** Set if newer code wrote the table. This code then neither reads nor writes it. */
  readonly #unsupported: UnsupportedSchema | undefined;
  #exists: boolean;

  constructor(ctx: DurableObjectState, env: PaywallBindings) {
    super(ctx, env);
    this.#messages = new MessageTable(ctx.storage.sql);
    this.#exists = hasTable(ctx.storage);
    try {
      if (this.#exists) migrateWebhooks(ctx.storage);
    } catch (error) {
      if (!(error instanceof UnsupportedSchema)) throw error;
      this.#unsupported = error;
      logEvent("webhook.unsupported_schema", { traceId: "", message: error.message });
    }
  }

  /** Queues the message about an event, unless it waits already. Once it has answered, the message is on disk. */
  enqueue(event: WebhookEvent): Promise<QueueResult> {
    this.#requireSupported();
    const result = this.#add(event);
    return this.#wake(unixNow()).then(() => result);
  }

  #add(event: WebhookEvent): QueueResult {
    const { storage } = this.ctx;
    const now = unixNow();
    if (!this.#exists) {
      // The alarm in the same transaction as the table: what is there is found by it.
      void storage.setAlarm(now * 1000);
      migrateWebhooks(storage);
      this.#exists = true;
    }
    const result = this.#messages.add(webhookId(event), JSON.stringify(event), now);
    if (result === "full") storage.kv.put<Refused>(REFUSED, { count: (this.#refused()?.count ?? 0) + 1, at: now });
    return result;
  }

  /** What waits: how much of it, and the oldest. */
  list(): WebhookList {
    this.#requireSupported();
    if (!this.#exists) return { waiting: 0, undelivered: 0, refused: 0, gone: false, oldest: [] };
    const { settings } = this.#settings();
    return {
      ...this.#messages.counts(),
      refused: this.#refused()?.count ?? 0,
      gone: settings !== undefined && this.#isGone(settings),
      oldest: this.#messages.oldest(WEBHOOKS_LISTED).map(listed),
    };
  }

  /** Sends everything that waits again, or the message with this id, and resets the count of refused messages. @returns how many messages */
  async retry(id?: string): Promise<number> {
    this.#requireSupported();
    if (!this.#exists) return 0;
    const now = unixNow();
    const { kv } = this.ctx.storage;
    kv.delete(GONE);
    kv.delete(REFUSED);
    const count = this.#messages.retry(now, id);
    await this.#wake(now);
    return count;
  }

  /** Sends what is due. Sets the next alarm first, so that a failure only delays it. */
  override async alarm(): Promise<void> {
    const { storage } = this.ctx;
    const began = unixNow();
    await storage.setAlarm((began + (this.#unsupported ? SWEEP_INTERVAL_SECONDS : ALARM_RETRY_SECONDS)) * 1000);
    if (this.#unsupported) return;
    if (this.#exists) this.#expire(began);
    if (!this.#exists || this.#isEmpty()) {
      // No await since it was found empty, so that no call comes between. What comes later makes the table anew.
      this.#exists = false;
      await Promise.all([storage.deleteAll(), storage.deleteAlarm()]);
      return;
    }
    const { settings, problem } = this.#settings();
    if (problem !== undefined) logOnceAMinute("paywall.misconfigured", problem, { traceId: "", message: problem });
    if (settings) await this.#sendDue(settings);
    await storage.setAlarm(this.#nextAlarm(settings) * 1000);
  }

  async #sendDue(settings: WebhookSettings): Promise<void> {
    const due = this.#messages.due(unixNow(), WEBHOOK_BATCH).values();
    const sendOneByOne = async () => {
      for (const id of due) {
        if (this.#isGone(settings)) return;
        const message = this.#messages.begin(id, unixNow());
        if (message) await this.#send(settings, message);
      }
    };
    await Promise.all(Array.from({ length: WEBHOOKS_AT_ONCE }, sendOneByOne));
  }

  async #send(settings: WebhookSettings, message: Message): Promise<void> {
    const { id, body, tries } = message;
    const sent = await sendMessage(settings, id, body, unixNow());
    if (sent.arrived) return this.#messages.forget(id);
    const { problem } = sent;
    if (sent.gone) this.ctx.storage.kv.put<Digest>(GONE, digestOf(settings));
    if (sent.gone) logOnceAMinute("webhook.gone", id, { traceId: "", message: problem });
    const fields = { ...about(body), id, tries, message: problem };
    if (this.#messages.fail(message, problem) === "given up") logEvent("webhook.undelivered", fields);
    else logOnceAMinute("webhook.failed", problem, fields);
  }

  /** What is kept for its time is deleted, unless only a wrong clock says that the time is over. */
  #expire(now: number): void {
    const { storage } = this.ctx;
    const oldest = Math.min(this.#messages.times().oldest, this.#refused()?.at ?? Infinity);
    const end = oldest + WEBHOOK_KEPT_SECONDS;
    if (now <= end || !believesClock(storage, now, end, "webhooks")) return;
    const count = this.#messages.expire(now - WEBHOOK_KEPT_SECONDS);
    if (count > 0) logEvent("webhook.expired", { traceId: "", count });
    if ((this.#refused()?.at ?? now) < now - WEBHOOK_KEPT_SECONDS) storage.kv.delete(REFUSED);
  }

  #isEmpty(): boolean {
    return this.#messages.times().oldest === Infinity && this.#refused() === undefined;
  }

  /** In unix seconds. An object that is empty stays for a while: making it anew costs more than keeping it. */
  #nextAlarm(settings: WebhookSettings | undefined): number {
    const now = unixNow();
    const sends = settings !== undefined && !this.#isGone(settings);
    if (sends && this.#messages.due(now, 1).length > 0) return now;
    const next = this.#isEmpty() ? now + SWEEP_INTERVAL_SECONDS : sends ? this.#messages.times().next : Infinity;
    return Math.max(now, Math.min(next, now + (sends ? MAX_ALARM_GAP_SECONDS : SWEEP_INTERVAL_SECONDS)));
  }

  /** Rings at once, unless the alarm does anyway. */
  async #wake(now: number): Promise<void> {
    const { storage } = this.ctx;
    const at = await storage.getAlarm();
    if (at === null || at > now * 1000) await storage.setAlarm(now * 1000);
  }

  #settings(): { settings?: WebhookSettings | undefined; problem?: string } {
    try {
      return { settings: webhookSettings(this.env) };
    } catch (error) {
      if (error instanceof ConfigurationError) return { problem: error.message };
      throw error;
    }
  }

  #isGone(settings: WebhookSettings): boolean {
    return this.ctx.storage.kv.get<Digest>(GONE) === digestOf(settings);
  }

  #refused(): Refused | undefined {
    return this.ctx.storage.kv.get<Refused>(REFUSED);
  }

  /** @throws {UnsupportedSchema} */
  #requireSupported(): void {
    if (this.#unsupported) throw this.#unsupported;
  }
}

function digestOf({ url }: WebhookSettings): Digest {
  return bodyDigest(utf8(url.href));
}

function about(body: string): { traceId: string; type: string; transaction: string } {
  const { type, data } = JSON.parse(body) as WebhookEvent;
  return { traceId: data.traceId ?? "", type, transaction: data.transaction };
}

function listed({ id, body, queued_at, tries, next_at, problem }: Message): ListedMessage {
  const { type, transaction } = about(body);
  return {
    id,
    type,
    transaction,
    queuedAt: formatTimestamp(queued_at),
    tries,
    state: next_at === null ? "undelivered" : "waiting",
    ...(next_at !== null && { nextTry: formatTimestamp(next_at) }),
    ...(problem !== null && { problem }),
  };
}

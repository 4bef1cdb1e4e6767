/** The queue of webhooks as the paywall sees it. */

import type { Context } from "hono";
import { LATE, withDeadline } from "../../../../shared/deadline.ts";
import { MAX_LOGGED_CAUSE_LENGTH, WEBHOOK_HANDOVER_SECONDS, WEBHOOK_HANDOVERS } from "../../../../shared/limits.ts";
import { logEvent } from "../../../../shared/log.ts";
import type { WebhookEvent } from "../../../../shared/webhooks/event.ts";
import { keepAlive } from "../keep-alive.ts";
import type { DurableNamespace, PaywallBindings, PaywallEnv } from "../types.ts";

/** `known`: the event waits already. `full`: it is refused. */
export type QueueResult = "queued" | "known" | "full";

/** A message that has not arrived. */
export interface ListedMessage {
  id: string;
  type: string;
  transaction: string;
  /** RFC 3339, as `nextTry`. */
  queuedAt: string;
  tries: number;
  /** `undelivered`: all tries failed. */
  state: "waiting" | "undelivered";
  nextTry?: string;
  /** Why the last try failed. */
  problem?: string;
}

export interface WebhookList {
  waiting: number;
  undelivered: number;
  /** Messages that the full queue has refused since the last retry. */
  refused: number;
  /** The receiver answered 410, and gets no more messages. */
  gone: boolean;
  oldest: ListedMessage[];
}

interface WebhookQueue {
  enqueue(event: WebhookEvent): Promise<QueueResult>;
  list(): Promise<WebhookList>;
  retry(id?: string): Promise<number>;
}

/** One object for the merchant. A new stub for every call: one that broke stays broken. */
export function webhookQueue(namespace: DurableNamespace): WebhookQueue {
  return namespace.getByName("webhooks") as WebhookQueue;
}

/**
 * Hands the message about an event to the queue, if the seller wants webhooks. Returns at once and never throws: no answer waits for it. An
 * event is told at least once from the moment at which the queue has it; what the queue does not get is in the log.
 */
export function enqueueWebhook(c: Context<PaywallEnv>, event: () => WebhookEvent): void {
  if (c.env.WEBHOOK_URL && c.env.WEBHOOKS) keepAlive(c, handOver(c.env.WEBHOOKS, event()));
}

/** The same beside no request. Resolves when the queue has it, or the log says that it has not; never throws. */
export async function handOverWebhook({ WEBHOOK_URL, WEBHOOKS }: PaywallBindings, event: () => WebhookEvent): Promise<void> {
  if (WEBHOOK_URL && WEBHOOKS) await handOver(WEBHOOKS, event());
}

/** Hands a message over once. @returns whether the queue has it, or the seller wants none */
export async function tellWebhook(
  { WEBHOOK_URL, WEBHOOKS }: Pick<PaywallBindings, "WEBHOOK_URL" | "WEBHOOKS">,
  event: WebhookEvent,
): Promise<boolean> {
  if (!WEBHOOK_URL || !WEBHOOKS) return true;
  const result = await withDeadline(webhookQueue(WEBHOOKS).enqueue(event), WEBHOOK_HANDOVER_SECONDS);
  return result === "queued" || result === "known";
}

async function handOver(namespace: DurableNamespace, event: WebhookEvent): Promise<void> {
  let problem = "";
  for (let attempt = 1; attempt <= WEBHOOK_HANDOVERS; attempt++) {
    try {
      const result = await withDeadline(webhookQueue(namespace).enqueue(event), WEBHOOK_HANDOVER_SECONDS);
      if (result === "queued" || result === "known") return;
      problem = result === LATE ? "the queue does not answer" : "the queue is full";
      if (result === "full") break;
    } catch (error) {
      problem = String(error).slice(0, MAX_LOGGED_CAUSE_LENGTH);
    }
  }
  const { traceId = "", transaction } = event.data;
  logEvent("webhook.refused", { traceId, type: event.type, transaction, message: problem });
}

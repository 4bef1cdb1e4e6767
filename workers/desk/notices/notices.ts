/**
 * Tells the owner of requests outside the page: browsers by Web Push, and webhooks. It says who asks, how much, and the short code. One
 * request is told at once; what its agent asks shortly after is told together. A notice decides nothing: silence is no consent.
 */

import { utf8 } from "../../../shared/crypto/bytes.ts";
import { bodyDigest, type Digest } from "../../../shared/crypto/digest.ts";
import { type DeskRefusal, malformed, refused } from "../../../shared/desk/codes.ts";
import type { DeskSettings } from "../../../shared/desk/hosted-api.ts";
import {
  MAX_DESK_WEBHOOKS,
  MAX_DEVICES,
  MAX_REMINDER_SECONDS,
  MIN_REMINDED_SECONDS,
  NOTICE_BATCH,
  NOTICE_FLOOD_GAP_SECONDS,
  NOTICE_GAP_SECONDS,
  NOTICE_PAUSES_SECONDS,
  REMINDER_PART,
  WEBHOOKS_AT_ONCE,
} from "../../../shared/limits.ts";
import { logEvent } from "../../../shared/log.ts";
import type { Mandate } from "../../../shared/protocol/mandate.ts";
import type { PaymentRequest } from "../../../shared/protocol/payment-request.ts";
import { checkShape } from "../../../shared/text/json.ts";
import { formatTimestamp, unixNow } from "../../../shared/time.ts";
import { deskSetting, putDeskSetting } from "../settings.ts";
import type { DeskStore } from "../store.ts";
import { pushAddress, webhookAddress } from "./outgoing.ts";
import { type Sender, type Sent, sendPush, sendWebhook } from "./send.ts";
import { noticeChangeSchema, type NoticeSetting, type Subscription } from "./setting-values.ts";
import {
  type DeviceRow,
  type MessageRow,
  NoticeTables,
  type ReceiverTable,
  type SigningRow,
  type WaitingRow,
  type WebhookRow,
} from "./tables.ts";
import { askFacts, type Notice, noticeOf, partNotice, proposalNotice, reminderOf, summaryOf, type Told } from "./text.ts";

export interface NoticeEnv extends Omit<Sender, "origin"> {}

export class Notices {
  readonly #env: NoticeEnv;
  readonly #store: DeskStore;
  readonly #tables: NoticeTables;

  constructor(env: NoticeEnv, store: DeskStore) {
    this.#env = env;
    this.#store = store;
    this.#tables = new NoticeTables(store);
  }

  /** When `due` wants to be called, in unix seconds; undefined: not until something is asked or set. */
  nextAt(): number | undefined {
    return this.#tables.nextAt(unixNow());
  }

  /** Tells what is to be told. Never rejects for what a receiver does. @param now unix seconds */
  async due(now: number): Promise<void> {
    this.#store.transact(() => {
      this.#tables.sweep(now);
      this.#tellNew(now);
      this.#tellSigning(now);
      this.#remind(now);
    });
    const due = this.#tables.due(now, NOTICE_BATCH).values();
    const sendOneByOne = async () => {
      for (const message of due) await this.#send(message, unixNow());
    };
    await Promise.all(Array.from({ length: WEBHOOKS_AT_ONCE }, sendOneByOne));
  }

  /** @param value of an owner's signed setting, parsed @returns why it cannot be set */
  set(name: NoticeSetting, value: unknown, now: number): DeskRefusal | undefined {
    const parsed = checkShape({ name, value }, noticeChangeSchema);
    if (!parsed.ok) return malformed(`The setting ${name}`, parsed.problem);
    const change = parsed.value;
    switch (change.name) {
      case "device.add":
        return this.#addDevice(change.value, now);
      case "device.remove":
        return this.#remove("device", change.value.id);
      case "webhook.add":
        return this.#addWebhook(change.value, now);
      case "webhook.remove":
        return this.#remove("webhook", change.value.id);
      case "notices.say-more":
        putDeskSetting(this.#store, "notices-say-more", JSON.stringify(change.value));
    }
    return undefined;
  }

  view(): Pick<DeskSettings, "devices" | "webhooks" | "noticesSayMore"> {
    return {
      devices: this.#tables.devices().map((row) => ({
        id: row.id,
        label: row.label,
        host: new URL(subscriptionOf(row).endpoint).host,
        ...shown(row),
      })),
      webhooks: this.#tables.webhooks().map((row) => ({ id: row.id, format: row.format, url: row.url, ...shown(row) })),
      noticesSayMore: this.#saysMore(),
    };
  }

  #addDevice({ subscription, label }: { subscription: Subscription; label: string }, now: number): DeskRefusal | undefined {
    if (!this.#env.PUSH_KEY)
      return refused("unsupported", "This desk sends no pushes: its operator set no PUSH_KEY.", "Add a webhook instead.");
    const address = pushAddress(subscription.endpoint, this.#env);
    if (!address.ok) return refused("usage", `This subscription cannot be used: ${address.problem}.`);
    const id = idOf(subscription.endpoint);
    const devices = this.#tables.devices();
    if (devices.length >= MAX_DEVICES && !devices.some((device) => device.id === id)) {
      return refused("desk_full", `An account has at most ${MAX_DEVICES} devices.`, "Remove one first.");
    }
    this.#tables.putDevice(id, label, JSON.stringify(subscription), now);
    return undefined;
  }

  #addWebhook({ format, url }: Pick<WebhookRow, "format" | "url">, now: number): DeskRefusal | undefined {
    const address = webhookAddress(url, format, this.#env);
    if (!address.ok) return refused("usage", `This webhook cannot be used: ${address.problem}.`);
    const id = idOf(`${format} ${address.url.href}`);
    const webhooks = this.#tables.webhooks();
    if (webhooks.length >= MAX_DESK_WEBHOOKS && !webhooks.some((webhook) => webhook.id === id)) {
      return refused("desk_full", `An account has at most ${MAX_DESK_WEBHOOKS} webhooks.`, "Remove one first.");
    }
    this.#tables.putWebhook(id, format, address.url.href, now);
    return undefined;
  }

  #remove(table: ReceiverTable, id: string): DeskRefusal | undefined {
    return this.#tables.remove(table, id) ? undefined : refused("not_found", "It is not in the list any more.");
  }

  #tellNew(now: number): void {
    const ofAgent = new Map<string, WaitingRow[]>();
    for (const ask of this.#tables.untold(now)) ofAgent.set(ask.agent_key, [...(ofAgent.get(ask.agent_key) ?? []), ask]);
    for (const [agentKey, asks] of ofAgent) {
      const told = asks.map(toldOf);
      const [first] = told;
      if (!first) continue;
      const isOne = told.length === 1;
      const notice = isOne ? noticeOf(first, this.#saysMore()) : summaryOf(told, agentKey);
      this.#queue(notice, isOne ? first.digest : null, now, Math.max(...told.map(({ expiresAt }) => expiresAt)));
      for (const ask of asks) this.#tables.noteTold(ask.digest, reminderAt(ask));
      this.#tables.openGap(agentKey, now + (isOne ? NOTICE_GAP_SECONDS : NOTICE_FLOOD_GAP_SECONDS));
    }
  }

  /** The other keys of the policy are asked. Each device gets it: whose it is the desk does not know. */
  #tellSigning(now: number): void {
    for (const part of this.#tables.untoldParts(now)) {
      const request = JSON.parse(part.object) as PaymentRequest;
      this.#queueSigning(part, partNotice({ ...part, facts: askFacts(request, part.digest, part.name), endsAt: part.ends_at }), now);
    }
    for (const proposal of this.#tables.untoldProposals(now)) {
      const mandate = JSON.parse(proposal.object) as Mandate;
      this.#queueSigning(proposal, proposalNotice({ ...proposal, mandate, endsAt: proposal.ends_at }), now);
    }
  }

  #queueSigning(signing: SigningRow, notice: Notice, now: number): void {
    this.#queue(notice, signing.digest, now, signing.ends_at);
    this.#tables.noteToldSigning(signing);
  }

  /** Of several at once one is named: more would ring for each. */
  #remind(now: number): void {
    const asks = this.#tables.unreminded(now);
    for (const { digest } of asks) this.#tables.noteTold(digest, null);
    const [first] = asks.map(toldOf);
    if (first) this.#queue(reminderOf(first, this.#saysMore(), asks.length - 1), first.digest, now, first.expiresAt);
  }

  #queue(notice: Notice, request: Digest | null, now: number, until: number): void {
    for (const { id } of [...this.#tables.devices(), ...this.#tables.webhooks()]) {
      this.#tables.queue(id, JSON.stringify(notice), request, now, until);
    }
  }

  async #send(message: MessageRow, now: number): Promise<void> {
    const device = this.#tables.devices().find(({ id }) => id === message.receiver);
    const webhook = this.#tables.webhooks().find(({ id }) => id === message.receiver);
    if (!this.#tables.begin(message, now)) return;
    const notice = JSON.parse(message.notice) as Notice;
    const sender: Sender = { ...this.#env, origin: deskSetting(this.#store, "origin") ?? "" };
    if (device) this.#note("device", message, await sendPush(sender, subscriptionOf(device), notice, now, message.until));
    else if (webhook) this.#note("webhook", message, await sendWebhook(sender, webhook, notice));
    else this.#tables.forget(message);
  }

  #note(kind: ReceiverTable, message: MessageRow, sent: Sent): void {
    const { receiver, tries } = message;
    if (sent.state === "arrived") {
      this.#tables.forget(message);
      this.#tables.noteProblem(kind, receiver, null);
      return;
    }
    const isLast = sent.state !== "failed" || tries >= NOTICE_PAUSES_SECONDS.length;
    if (isLast) this.#tables.forget(message);
    this.#tables.noteProblem(kind, receiver, sent.problem);
    if (sent.state === "gone") this.#tables.remove(kind, receiver);
    logEvent(isLast ? "notice.undelivered" : "notice.failed", { traceId: "", kind, tries: tries + 1, message: sent.problem });
  }

  #saysMore(): boolean {
    return deskSetting(this.#store, "notices-say-more") === '{"on":true}';
  }
}

function toldOf({ digest, request, name, expires_at }: WaitingRow): Told {
  return {
    digest: digest as Digest,
    facts: askFacts(JSON.parse(request) as PaymentRequest, digest as Digest, name),
    expiresAt: expires_at,
  };
}

/** When a request is told again; null: it lives too short for that. */
function reminderAt({ asked_at, expires_at }: WaitingRow): number | null {
  const life = expires_at - asked_at;
  return life < MIN_REMINDED_SECONDS ? null : expires_at - Math.min(Math.floor(life / REMINDER_PART), MAX_REMINDER_SECONDS);
}

function subscriptionOf({ subscription }: DeviceRow): Subscription {
  return JSON.parse(subscription) as Subscription;
}

function shown({ added_at, problem }: DeviceRow | WebhookRow): { addedAt: string; lastProblem?: string } {
  return { addedAt: formatTimestamp(added_at), ...(problem !== null && { lastProblem: problem }) };
}

function idOf(address: string): string {
  return bodyDigest(utf8(address));
}

/** What notices keep in the database of a `Desk` object: whom to tell, what was told, and the messages that are under way. */

import type { Digest } from "../../../shared/crypto/digest.ts";
import type { WebhookFormat } from "../../../shared/desk/hosted-api.ts";
import { MAX_APPROVAL_AGE_SECONDS, NOTICE_PAUSES_SECONDS } from "../../../shared/limits.ts";
import { integer, nullable, oneOf, row, type RowOf, text } from "../../../shared/row.ts";
import type { DeskStore } from "../store.ts";

/** A step of the schema of a `Desk` object. Devices and webhooks have their tables in its first one. */
export const NOTICE_TABLES: readonly string[] = [
  `CREATE TABLE told (
     request TEXT PRIMARY KEY,           -- its digest
     remind_at INTEGER                   -- when it is told again; NULL: no more
   ) STRICT`,
  `CREATE TABLE notice_gap (
     agent_key TEXT PRIMARY KEY,
     until INTEGER NOT NULL              -- the agent's next requests wait until then, and are told together
   ) STRICT`,
  `CREATE TABLE message (
     seq INTEGER PRIMARY KEY,
     receiver TEXT NOT NULL,             -- the id of a device or a webhook
     notice TEXT NOT NULL,               -- JSON
     request TEXT,                       -- the digest, if it is about one request
     tries INTEGER NOT NULL,
     next_at INTEGER NOT NULL,
     until INTEGER NOT NULL              -- it comes too late after that
   ) STRICT`,
];

/** A step of its own: version 5. */
export const SIGNING_TABLES: readonly string[] = [
  `CREATE TABLE told_signing (
     subject TEXT PRIMARY KEY,           -- the digest of a request that is approved in part, or of a proposed allowance
     signed INTEGER NOT NULL             -- by how many keys, when that was told
   ) STRICT`,
];

const DEVICE = { id: text(), label: text(), subscription: text(), added_at: integer(), problem: nullable(text()) };
const WEBHOOK = {
  id: text(),
  format: oneOf<WebhookFormat>("ntfy", "slack", "discord"),
  url: text(),
  added_at: integer(),
  problem: nullable(text()),
};
const MESSAGE = { seq: integer(), receiver: text(), notice: text(), tries: integer(), next_at: integer(), until: integer() };
const WAITING = { digest: text(), agent_key: text(), name: text(), request: text(), asked_at: integer(), expires_at: integer() };
export type DeviceRow = RowOf<typeof DEVICE>;
export type WebhookRow = RowOf<typeof WEBHOOK>;
export type MessageRow = RowOf<typeof MESSAGE>;
export type WaitingRow = RowOf<typeof WAITING>;
/** What some keys of a policy have signed, and others are asked for. `object`: the JSON of the request, or of the Mandate. */
export type SigningRow = ReturnType<typeof asSigning>;
const asDevice = row(DEVICE);
const asWebhook = row(WEBHOOK);
const asMessage = row(MESSAGE);
const asWaiting = row(WAITING);
const asSigning = row({ digest: text<Digest>(), signed: integer(), name: text(), object: text(), ends_at: integer() });
const timeRow = row({ at: nullable(integer()) });

export type ReceiverTable = "device" | "webhook";

export class NoticeTables {
  readonly #store: DeskStore;

  constructor(store: DeskStore) {
    this.#store = store;
  }

  devices(): DeviceRow[] {
    return this.#store.sql("SELECT * FROM device ORDER BY added_at, id").map(asDevice);
  }

  webhooks(): WebhookRow[] {
    return this.#store.sql("SELECT * FROM webhook ORDER BY added_at, id").map(asWebhook);
  }

  putDevice(id: string, label: string, subscription: string, now: number): void {
    this.#store.sql(
      `INSERT INTO device (id, label, subscription, added_at) VALUES (?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET label = excluded.label, subscription = excluded.subscription, problem = NULL`,
      id,
      label,
      subscription,
      now,
    );
  }

  putWebhook(id: string, format: WebhookFormat, url: string, now: number): void {
    this.#store.sql(
      "INSERT INTO webhook (id, format, url, added_at) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
      id,
      format,
      url,
      now,
    );
  }

  /** With the messages to it. @returns false if it was not there */
  remove(table: ReceiverTable, id: string): boolean {
    this.#store.sql("DELETE FROM message WHERE receiver = ?", id);
    return this.#store.sql(`DELETE FROM ${table} WHERE id = ? RETURNING id`, id).length > 0;
  }

  noteProblem(table: ReceiverTable, id: string, problem: string | null): void {
    this.#store.sql(`UPDATE ${table} SET problem = ? WHERE id = ? AND problem IS NOT ?`, problem, id, problem);
  }

  /** Requests that wait and were not told yet, and whose agent's gap is over: the oldest first. */
  untold(now: number): WaitingRow[] {
    return this.#store
      .sql(`${WAITS} AND told.request IS NULL AND coalesce(gap.until, 0) <= ? ORDER BY request.seq`, now, now)
      .map(asWaiting);
  }

  /** Requests that wait, were told, and are due to be told again. */
  unreminded(now: number): WaitingRow[] {
    return this.#store.sql(`${WAITS} AND told.remind_at <= ? ORDER BY request.seq`, now, now).map(asWaiting);
  }

  /** Requests of which some keys of a policy have signed a payment or a session, if that was not told yet. */
  untoldParts(now: number): SigningRow[] {
    return this.#store.sql(UNTOLD_PARTS, MAX_APPROVAL_AGE_SECONDS, now, now, now - MAX_APPROVAL_AGE_SECONDS).map(asSigning);
  }

  /** Allowances that some keys of a policy propose, if that was not told yet. */
  untoldProposals(now: number): SigningRow[] {
    return this.#store.sql(UNTOLD_PROPOSALS, now).map(asSigning);
  }

  noteToldSigning({ digest, signed }: SigningRow): void {
    this.#store.sql(
      "INSERT INTO told_signing (subject, signed) VALUES (?, ?) ON CONFLICT (subject) DO UPDATE SET signed = excluded.signed",
      digest,
      signed,
    );
  }

  noteTold(digest: string, remindAt: number | null): void {
    this.#store.sql(
      "INSERT INTO told (request, remind_at) VALUES (?, ?) ON CONFLICT (request) DO UPDATE SET remind_at = excluded.remind_at",
      digest,
      remindAt,
    );
  }

  openGap(agentKey: string, until: number): void {
    this.#store.sql(
      "INSERT INTO notice_gap (agent_key, until) VALUES (?, ?) ON CONFLICT (agent_key) DO UPDATE SET until = excluded.until",
      agentKey,
      until,
    );
  }

  /** @param request the digest, if the notice is about one request or one proposed allowance */
  queue(receiver: string, notice: string, request: string | null, now: number, until: number): void {
    this.#store.sql(
      "INSERT INTO message (receiver, notice, request, tries, next_at, until) VALUES (?, ?, ?, 0, ?, ?)",
      receiver,
      notice,
      request,
      now,
      until,
    );
  }

  due(now: number, limit: number): MessageRow[] {
    return this.#store.sql("SELECT * FROM message WHERE next_at <= ? ORDER BY seq LIMIT ?", now, limit).map(asMessage);
  }

  /** Counts a try before it is made, so that an object that dies of it does not make it for ever. @returns false if it is gone, or another call tries it */
  begin({ seq, tries }: MessageRow, now: number): boolean {
    const pause = NOTICE_PAUSES_SECONDS[tries] ?? Math.max(...NOTICE_PAUSES_SECONDS);
    return (
      this.#store.sql(
        "UPDATE message SET tries = tries + 1, next_at = ? WHERE seq = ? AND tries = ? RETURNING seq",
        now + pause,
        seq,
        tries,
      ).length > 0
    );
  }

  forget({ seq }: MessageRow): void {
    this.#store.sql("DELETE FROM message WHERE seq = ?", seq);
  }

  /** Forgets what comes too late, what is about a decided request, and what was noted of requests that wait no longer. */
  sweep(now: number): void {
    this.#store.sql(
      `DELETE FROM message WHERE until < ? OR (request IS NOT NULL
         AND request NOT IN (SELECT digest FROM request WHERE state = 'pending') AND request NOT IN (SELECT digest FROM proposal))`,
      now,
    );
    this.#store.sql(
      "DELETE FROM told_signing WHERE subject NOT IN (SELECT request FROM part) AND subject NOT IN (SELECT digest FROM proposal)",
    );
    this.#store.sql("DELETE FROM told WHERE request NOT IN (SELECT digest FROM request WHERE state = 'pending' AND expires_at >= ?)", now);
    this.#store.sql("DELETE FROM notice_gap WHERE until < ?", now);
  }

  /** Unix seconds at which something is to be told; undefined: nothing is. */
  nextAt(now: number): number | undefined {
    const asks = `SELECT min(CASE WHEN told.request IS NULL THEN max(request.asked_at, coalesce(gap.until, 0)) ELSE told.remind_at END) AS at
      FROM ${JOINED} WHERE request.state = 'pending' AND request.expires_at >= ?`;
    const hasReceivers = this.#hasReceivers();
    if (hasReceivers && this.untoldParts(now).length + this.untoldProposals(now).length > 0) return now;
    const times = [
      ...(hasReceivers ? this.#store.sql(asks, now) : []),
      ...this.#store.sql("SELECT min(next_at) AS at FROM message"),
    ].flatMap((found) => timeRow(found).at ?? []);
    return times.length > 0 ? Math.min(...times) : undefined;
  }

  #hasReceivers(): boolean {
    return this.#store.sql("SELECT 1 FROM device UNION ALL SELECT 1 FROM webhook LIMIT 1").length > 0;
  }
}

const JOINED = `request JOIN agent ON agent.public_key = request.agent_key
  LEFT JOIN told ON told.request = request.digest LEFT JOIN notice_gap AS gap ON gap.agent_key = request.agent_key`;
const WAITS = `SELECT request.digest, request.agent_key, agent.name, request.request, request.asked_at, request.expires_at
  FROM ${JOINED} WHERE request.state = 'pending' AND request.expires_at >= ?`;

const SIGNED = "(SELECT count(*) FROM json_each(signing.proofs))";
const untoldWhere = (subject: string) =>
  `LEFT JOIN told_signing AS told ON told.subject = ${subject} WHERE coalesce(told.signed, 0) < ${SIGNED}`;
const UNTOLD_PARTS = `SELECT request.digest, ${SIGNED} AS signed, agent.name, request.request AS object,
    min(signing.valid_before, signing.valid_after + ?, request.expires_at) AS ends_at
  FROM part AS signing JOIN request ON request.digest = signing.request AND request.state = 'pending'
  JOIN agent ON agent.public_key = request.agent_key
  ${untoldWhere("signing.request")} AND request.expires_at >= ? AND signing.valid_before >= ? AND signing.valid_after >= ?`;
const UNTOLD_PROPOSALS = `SELECT signing.digest, ${SIGNED} AS signed, agent.name, signing.mandate AS object, signing.ends_at
  FROM proposal AS signing JOIN agent ON agent.public_key = signing.agent_key
  ${untoldWhere("signing.digest")} AND signing.ends_at >= ?`;

/** The messages that wait for their receiver, on disk: the table `message`. */

import { MAX_WEBHOOKS, WEBHOOK_PAUSES_SECONDS } from "../../../../shared/limits.ts";
import { integer, nullable, row, type RowOf, text } from "../../../../shared/row.ts";

const COLUMNS = {
  id: text(),
  body: text(),
  queued_at: integer(),
  tries: integer(),
  next_at: nullable(integer()),
  problem: nullable(text()),
};
const messageRow = row(COLUMNS);
export type Message = RowOf<typeof COLUMNS>;
const SELECT = `SELECT ${Object.keys(COLUMNS).join(", ")} FROM message`;

const countsRow = row({ waiting: integer(), undelivered: integer() });
const timesRow = row({ next: nullable(integer()), oldest: nullable(integer()) });
const idRow = row({ id: text() });

/** Tries of one message. */
export const MAX_TRIES = WEBHOOK_PAUSES_SECONDS.length + 1;
const LONGEST_PAUSE = Math.max(...WEBHOOK_PAUSES_SECONDS);

export class MessageTable {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  add(id: string, body: string, now: number): "queued" | "known" | "full" {
    if (this.get(id)) return "known";
    const { waiting, undelivered } = this.counts();
    if (waiting + undelivered >= MAX_WEBHOOKS) return "full";
    this.#sql.exec("INSERT INTO message (id, body, queued_at, tries, next_at) VALUES (?, ?, ?, 0, ?)", id, body, now, now);
    return "queued";
  }

  get(id: string): Message | undefined {
    const [found] = this.#sql.exec(`${SELECT} WHERE id = ?`, id).toArray();
    return found && messageRow(found);
  }

  counts(): { waiting: number; undelivered: number } {
    return countsRow(this.#sql.exec("SELECT count(next_at) AS waiting, count(*) - count(next_at) AS undelivered FROM message").one());
  }

  oldest(limit: number): Message[] {
    return this.#sql.exec(`${SELECT} ORDER BY seq LIMIT ?`, limit).toArray().map(messageRow);
  }

  /** Those whose next try is due, in the order in which they came. A try further ahead than any pause was dated by a wrong clock. */
  due(now: number, limit: number): string[] {
    const due = "SELECT id FROM message WHERE next_at <= ? OR next_at > ? ORDER BY seq LIMIT ?";
    return this.#sql
      .exec(due, now, now + LONGEST_PAUSE, limit)
      .toArray()
      .map((found) => idRow(found).id);
  }

  /** Counts a try before it is made, so that an object that dies of it does not make it for ever. A last one that dies is made again. */
  begin(id: string, now: number): Message | undefined {
    const found = this.get(id);
    if (!found) return undefined;
    const message = { ...found, tries: found.tries + 1, next_at: now + (WEBHOOK_PAUSES_SECONDS[found.tries] ?? LONGEST_PAUSE) };
    this.#sql.exec("UPDATE message SET tries = ?, next_at = ? WHERE id = ?", message.tries, message.next_at, id);
    return message;
  }

  forget(id: string): void {
    this.#sql.exec("DELETE FROM message WHERE id = ?", id);
  }

  /** Notes why a try failed. After the last one the message is given up. */
  fail({ id, tries }: Message, problem: string): "waits" | "given up" {
    const isLast = tries >= MAX_TRIES;
    this.#sql.exec(`UPDATE message SET problem = ?${isLast ? ", next_at = NULL" : ""} WHERE id = ?`, problem, id);
    return isLast ? "given up" : "waits";
  }

  /** Gives each message, or the one with this id, all of its tries again. @returns how many */
  retry(now: number, id?: string): number {
    const again = "UPDATE message SET tries = 0, next_at = ?";
    const changed =
      id === undefined ? this.#sql.exec(`${again} RETURNING id`, now) : this.#sql.exec(`${again} WHERE id = ? RETURNING id`, now, id);
    return changed.toArray().length;
  }

  /** Deletes what is older than `before`. @returns how many */
  expire(before: number): number {
    return this.#sql.exec("DELETE FROM message WHERE queued_at < ? RETURNING id", before).toArray().length;
  }

  /** Unix seconds of the next try, and of the oldest message; Infinity without one. */
  times(): { next: number; oldest: number } {
    const { next, oldest } = timesRow(this.#sql.exec("SELECT min(next_at) AS next, min(queued_at) AS oldest FROM message").one());
    return { next: next ?? Infinity, oldest: oldest ?? Infinity };
  }
}

/** An IdempotencyStore on disk: the table `answer`. */

import { type Digest, randomDigest } from "../../../../shared/crypto/digest.ts";
import { MAX_HOLD_SECONDS, MAX_STORED_ANSWERS, STORED_ANSWER_SECONDS } from "../../../../shared/limits.ts";
import { integer, nullable, oneOf, row, type RowOf, text } from "../../../../shared/row.ts";
import type { SettleResponse } from "../../../../shared/x402/x402.ts";
import type { DeliveredHold } from "../types.ts";
import type { ClaimResult, PaidResult, StoredAnswer } from "./idempotency-store.ts";
import { isHeld } from "./leases.ts";
import { blob, fromJson, type Json, toJson } from "./schema.ts";

const COLUMNS = {
  order_key: text<Digest>(),
  reservation_id: text<Digest>(),
  state: oneOf("running", "stored", "paid"),
  lease: text<Digest>(),
  lease_until: integer(),
  reservation: nullable(text<Json<DeliveredHold>>()),
  receipt: nullable(text<Json<SettleResponse>>()),
  status: nullable(integer()),
  headers: nullable(text<Json<[string, string][]>>()),
  body: nullable(blob()),
  forget_after: integer(),
};
const answerRow = row(COLUMNS);
type AnswerRow = RowOf<typeof COLUMNS>;
const SELECT = `SELECT ${Object.keys(COLUMNS).join(", ")} FROM answer WHERE key = ?`;

const countRow = row({ n: integer() });
const nextRow = row({ next: nullable(integer()) });

export class AnswerTable {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  claim(key: Digest, payment: Digest, lease: Digest, seconds: number, now: number): ClaimResult {
    const found = this.#row(key);
    if (found && found.order_key !== payment) return { state: "conflict" };
    if (found?.state === "paid") return paidResult(found);
    if (found?.state === "stored") {
      // The run that stored it may be capturing right now. Two captures of one reservation pay once, and both runs may answer.
      this.#sql.exec("UPDATE answer SET lease = ?, lease_until = ? WHERE key = ?", lease, now + seconds, key);
      return { state: "stored", reservation: fromJson(written(found.reservation)), ...storedAnswer(found) };
    }
    if (found && found.lease !== lease && isHeld(found.lease_until, now)) return { state: "busy" };
    if (!found && !this.#makeRoom()) return { state: "full" };
    const reservationId = found?.reservation_id ?? randomDigest();
    this.#sql.exec(
      `INSERT OR REPLACE INTO answer (key, order_key, reservation_id, state, lease, lease_until, forget_after)
       VALUES (?, ?, ?, 'running', ?, ?, ?)`,
      key,
      payment,
      reservationId,
      lease,
      now + seconds,
      now + STORED_ANSWER_SECONDS,
    );
    return { state: "granted", reservationId };
  }

  recall(key: Digest, payment: Digest): PaidResult | undefined {
    const found = this.#row(key);
    return found?.state === "paid" && found.order_key === payment ? paidResult(found) : undefined;
  }

  #row(key: Digest): AnswerRow | undefined {
    const [found] = this.#sql.exec(SELECT, key).toArray();
    return found && answerRow(found);
  }

  store(key: Digest, lease: Digest, reservation: DeliveredHold, answer: StoredAnswer | undefined): boolean {
    const { rowsWritten } = this.#sql.exec(
      "UPDATE answer SET state = 'stored', reservation = ?, status = ?, headers = ?, body = ? WHERE key = ? AND lease = ? AND state = 'running'",
      toJson(reservation),
      answer?.status ?? null,
      answer ? toJson(answer.headers) : null,
      answer?.body ?? null,
      key,
      lease,
    );
    return rowsWritten > 0;
  }

  /** Final, and any caller may say it: the money moved. An answer that was not stored was delivered once and is gone. */
  paid(key: Digest, receipt: SettleResponse, now: number): void {
    this.#sql.exec(
      "UPDATE answer SET state = 'paid', receipt = ?, lease_until = 0, forget_after = ? WHERE key = ? AND state != 'paid'",
      toJson(receipt),
      now + STORED_ANSWER_SECONDS,
      key,
    );
  }

  free(key: Digest, lease: Digest): void {
    this.#sql.exec("DELETE FROM answer WHERE key = ? AND lease = ? AND state != 'paid'", key, lease);
  }

  /** Forgets the answers of a payment that are not paid yet: it buys nothing any more. */
  forgetUnpaid(nonce: Digest): void {
    this.#sql.exec("DELETE FROM answer WHERE state = 'stored' AND json_extract(reservation, '$.nonce') = ?", nonce);
  }

  /** Forgets a paid answer that cannot be sent again, so that its payment is served anew. */
  forgetUnstored(transaction: string): void {
    this.#sql.exec(
      "DELETE FROM answer WHERE state = 'paid' AND status IS NULL AND json_extract(receipt, '$.transaction') = ?",
      transaction,
    );
  }

  forget(now: number): void {
    this.#sql.exec("DELETE FROM answer WHERE forget_after < ? AND lease_until NOT BETWEEN ? AND ?", now, now, now + MAX_HOLD_SECONDS);
  }

  nextForget(): number | undefined {
    return nextRow(this.#sql.exec("SELECT min(forget_after) AS next FROM answer").one()).next ?? undefined;
  }

  /** A full table evicts its oldest paid answer, never an unfinished one. It asks no clock, which might be wrong. */
  #makeRoom(): boolean {
    if (countRow(this.#sql.exec("SELECT count(*) AS n FROM answer").one()).n < MAX_STORED_ANSWERS) return true;
    const { rowsWritten } = this.#sql.exec(
      "DELETE FROM answer WHERE key = (SELECT key FROM answer WHERE state = 'paid' ORDER BY forget_after LIMIT 1)",
    );
    return rowsWritten > 0;
  }
}

function paidResult(found: AnswerRow): PaidResult {
  const paidAt = found.forget_after - STORED_ANSWER_SECONDS;
  return { state: "paid", receipt: fromJson(written(found.receipt)), paidAt, ...storedAnswer(found) };
}

function storedAnswer({ status, headers, body }: AnswerRow): { answer?: StoredAnswer } {
  if (status === null) return {};
  return { answer: { status, headers: fromJson(written(headers)), body: new Uint8Array(written(body)) } };
}

/** The value of a column that the row's state requires. */
function written<T>(value: T | null): T {
  if (value === null) throw new TypeError("a row lacks a value that its state requires");
  return value;
}

/** The table behind paywall/answer-store.ts: answers that were paid for, by the buyer's payment identifier. */
import type { Reservation } from "../../../../shared/settlement/backend.ts";
import { type Digest, randomDigest } from "../../../../shared/crypto/digest.ts";
import { MAX_STORED_ANSWERS, STORED_ANSWER_SECONDS } from "../../../../shared/limits.ts";
import type { SettleResponse } from "../../../../shared/x402/x402.ts";
import type { ClaimResult, StoredAnswer } from "./idempotency-store.ts";

type Row = Record<string, SqlStorageValue>;
type Paid = Extract<ClaimResult, { state: "paid" }>;

export class AnswerTable {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(
      `CREATE TABLE IF NOT EXISTS answer (
         key TEXT PRIMARY KEY,
         order_key TEXT NOT NULL,            -- the signed payment that the id belongs to
         reservation_id TEXT NOT NULL,       -- the same for every run of that payment under this id
         state TEXT NOT NULL CHECK (state IN ('running', 'stored', 'paid')),
         lease TEXT NOT NULL,
         lease_until INTEGER NOT NULL,
         reservation TEXT,
         receipt TEXT,
         status INTEGER,                     -- with headers and body: absent when the answer was not kept
         headers TEXT,
         body BLOB,
         forget_after INTEGER NOT NULL
       ) STRICT, WITHOUT ROWID`,
    );
  }

  claim(key: Digest, order: Digest, lease: Digest, seconds: number, now: number): ClaimResult {
    const row = this.#row(key);
    if (row && row["order_key"] !== order) return { state: "conflict" };
    if (row?.["state"] === "paid") return paidIn(row);
    if (row?.["state"] === "stored") {
      // Whoever made it may be capturing right now. Two captures of one reservation are one, and both may answer.
      this.#sql.exec("UPDATE answer SET lease = ?, lease_until = ? WHERE key = ?", lease, now + seconds, key);
      return { state: "stored", reservation: JSON.parse(row["reservation"] as string) as Reservation, ...answerIn(row) };
    }
    if (row && row["lease"] !== lease && Number(row["lease_until"]) >= now) return { state: "busy" };
    if (!row && !this.#makeRoom(now)) return { state: "full" };
    const reservationId = (row?.["reservation_id"] as Digest | undefined) ?? randomDigest();
    this.#sql.exec(
      `INSERT OR REPLACE INTO answer (key, order_key, reservation_id, state, lease, lease_until, forget_after)
       VALUES (?, ?, ?, 'running', ?, ?, ?)`,
      key,
      order,
      reservationId,
      lease,
      now + seconds,
      now + STORED_ANSWER_SECONDS,
    );
    return { state: "granted", reservationId };
  }

  recall(key: Digest, order: Digest): Paid | undefined {
    const row = this.#row(key);
    return row?.["state"] === "paid" && row["order_key"] === order ? paidIn(row) : undefined;
  }

  #row(key: Digest): Row | undefined {
    return this.#sql.exec("SELECT * FROM answer WHERE key = ?", key).toArray()[0];
  }

  store(key: Digest, lease: Digest, reservation: Reservation, answer: StoredAnswer | undefined): boolean {
    const { rowsWritten } = this.#sql.exec(
      "UPDATE answer SET state = 'stored', reservation = ?, status = ?, headers = ?, body = ? WHERE key = ? AND lease = ? AND state = 'running'",
      JSON.stringify(reservation),
      answer?.status ?? null,
      answer ? JSON.stringify(answer.headers) : null,
      answer?.body ?? null,
      key,
      lease,
    );
    return rowsWritten > 0;
  }

  /** `paid` is final whoever says it: the money moved. Where no copy was made, it was delivered once and is gone. */
  paid(key: Digest, receipt: SettleResponse, now: number): void {
    this.#sql.exec(
      "UPDATE answer SET state = 'paid', receipt = ?, lease_until = 0, forget_after = ? WHERE key = ? AND state != 'paid'",
      JSON.stringify(receipt),
      now + STORED_ANSWER_SECONDS,
      key,
    );
  }

  free(key: Digest, lease: Digest): void {
    this.#sql.exec("DELETE FROM answer WHERE key = ? AND lease = ? AND state != 'paid'", key, lease);
  }

  forget(now: number): void {
    this.#sql.exec("DELETE FROM answer WHERE forget_after < ? AND lease_until < ?", now, now);
  }

  nextForget(): number | undefined {
    const next = this.#sql.exec("SELECT min(forget_after) AS next FROM answer").one()["next"];
    return typeof next === "number" ? next : undefined;
  }

  /** The oldest paid answer goes when there is no more room; one that is not finished never does. */
  #makeRoom(now: number): boolean {
    this.forget(now);
    if (Number(this.#sql.exec("SELECT count(*) AS n FROM answer").one()["n"]) < MAX_STORED_ANSWERS) return true;
    const { rowsWritten } = this.#sql.exec(
      "DELETE FROM answer WHERE key = (SELECT key FROM answer WHERE state = 'paid' ORDER BY forget_after LIMIT 1)",
    );
    return rowsWritten > 0;
  }
}

function paidIn(row: Row): Paid {
  return { state: "paid", receipt: JSON.parse(row["receipt"] as string) as SettleResponse, ...answerIn(row) };
}

function answerIn(row: Row): { answer?: StoredAnswer } {
  if (row["status"] === null) return {};
  const headers = JSON.parse(row["headers"] as string) as [string, string][];
  return { answer: { status: Number(row["status"]), headers, body: new Uint8Array(row["body"] as ArrayBuffer) } };
}

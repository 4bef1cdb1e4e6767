/** The payments of one payer whose money goes back, and how far each is: the table `refund`. */

import type { Digest } from "../../../../shared/crypto/digest.ts";
import { REFUND_PAUSES_SECONDS, REFUND_RETENTION_SECONDS } from "../../../../shared/limits.ts";
import type { RefundObstacle } from "../../../../shared/protocol/refund-obstacle.ts";
import type { SignedRefund } from "../../../../shared/protocol/refund.ts";
import { integer, nullable, oneOf, row, type RowOf, text } from "../../../../shared/row.ts";
import type { RefundTerms } from "../types.ts";
import { fromJson, type Json, toJson } from "./schema.ts";

const COLUMNS = {
  key: text<Digest>(),
  terms: text<Json<RefundTerms>>(),
  is_paid: integer(),
  state: oneOf("due", "signed", "made", "owed"),
  signed: nullable(text<Json<SignedRefund>>()),
  code: nullable(text<RefundObstacle>()),
  told: nullable(text()),
  tries: integer(),
  next_at: nullable(integer()),
  began_at: integer(),
};
const refundRow = row(COLUMNS);
export type RefundRow = RowOf<typeof COLUMNS>;
const SELECT = `SELECT ${Object.keys(COLUMNS).join(", ")} FROM refund`;
const keyRow = row({ key: text<Digest>() });
const timeRow = row({ at: nullable(integer()) });
const LONGEST_PAUSE = Math.max(...REFUND_PAUSES_SECONDS);

/**
 * due → signed → made, or owed from any of the first two. A refund is written before it is sent, and `signed` never changes: what may have
 * been sent is sent again as it stands.
 */
export class RefundTable {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  get(key: Digest): RefundRow | undefined {
    return this.#sql.exec(`${SELECT} WHERE key = ?`, key).toArray().map(refundRow)[0];
  }

  /** @param isPaid false: the money moved if the ledger has its credit */
  add(key: Digest, terms: RefundTerms, isPaid: boolean, now: number): void {
    this.#sql.exec(
      "INSERT INTO refund (key, terms, is_paid, state, tries, next_at, began_at) VALUES (?, ?, ?, 'due', 0, ?, ?)",
      key,
      toJson(terms),
      Number(isPaid),
      now,
      now,
    );
  }

  /** Those with something to do now. A time further ahead than any pause was written by a wrong clock. */
  ready(now: number, limit: number): Digest[] {
    return this.#sql
      .exec("SELECT key FROM refund WHERE next_at <= ? OR next_at > ? ORDER BY next_at LIMIT ?", now, now + LONGEST_PAUSE, limit)
      .toArray()
      .map((found) => keyRow(found).key);
  }

  /** Counts a try before it is made, so that an object that dies of it pauses. */
  begin(key: Digest, now: number): RefundRow | undefined {
    const found = this.get(key);
    if (!found || found.next_at === null) return undefined;
    const pause = REFUND_PAUSES_SECONDS[found.tries] ?? LONGEST_PAUSE;
    this.#sql.exec("UPDATE refund SET tries = tries + 1, next_at = ? WHERE key = ?", now + pause, key);
    return this.get(key);
  }

  sign(key: Digest, signed: SignedRefund): void {
    this.#sql.exec("UPDATE refund SET state = 'signed', signed = ? WHERE key = ? AND state = 'due'", toJson(signed), key);
  }

  /** The money went back: by what was signed or, if nothing was, by the seller's own refund. */
  make(key: Digest): void {
    this.#sql.exec("UPDATE refund SET state = 'made' WHERE key = ? AND state IN ('due', 'signed')", key);
  }

  /** It did not, and this object tries no more. */
  owe(key: Digest, code: RefundObstacle): void {
    this.#sql.exec("UPDATE refund SET state = 'owed', code = ? WHERE key = ? AND state IN ('due', 'signed')", code, key);
  }

  /** @param state that the register and the seller know now */
  tell(key: Digest, state: string): void {
    this.#sql.exec(
      "UPDATE refund SET told = ?, next_at = CASE WHEN state IN ('made', 'owed') THEN NULL ELSE next_at END WHERE key = ?",
      state,
      key,
    );
  }

  delete(key: Digest): void {
    this.#sql.exec("DELETE FROM refund WHERE key = ?", key);
  }

  forget(now: number): void {
    this.#sql.exec("DELETE FROM refund WHERE began_at < ?", now - REFUND_RETENTION_SECONDS);
  }

  nextForget(): number | undefined {
    const { at } = timeRow(this.#sql.exec("SELECT min(began_at) AS at FROM refund").one());
    return at === null ? undefined : at + REFUND_RETENTION_SECONDS;
  }

  /** Unix seconds. */
  nextTry(): number | undefined {
    return timeRow(this.#sql.exec("SELECT min(next_at) AS at FROM refund").one()).at ?? undefined;
  }
}

export function signedOf({ signed }: RefundRow): SignedRefund | undefined {
  return signed === null ? undefined : fromJson(signed);
}

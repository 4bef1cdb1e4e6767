/** A LeaseStore on disk: the table `delivery`. */

import type { Digest } from "../../../../shared/crypto/digest.ts";
import { MAX_HOLD_SECONDS } from "../../../../shared/limits.ts";
import { integer, nullable, row, text } from "../../../../shared/row.ts";
import type { DeliveryState, RefundTerms } from "../types.ts";
import type { LeaseEntry, LeaseStore } from "./leases.ts";
import { fromJson, type Json, toJson } from "./schema.ts";

const deliveryRow = row({
  lease: text<Digest>(),
  lease_until: integer(),
  remembered: nullable(text<Json<DeliveryState>>()),
  forget_after: integer(),
});

export class LeaseTable implements LeaseStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  get(key: Digest): LeaseEntry | undefined {
    const [found] = this.#sql.exec("SELECT lease, lease_until, remembered, forget_after FROM delivery WHERE key = ?", key).toArray();
    if (!found) return undefined;
    const { lease, lease_until: leaseUntil, remembered, forget_after: forgetAfter } = deliveryRow(found);
    return { lease, leaseUntil, remembered: remembered === null ? undefined : fromJson(remembered), forgetAfter };
  }

  set(key: Digest, { lease, leaseUntil, remembered, forgetAfter }: LeaseEntry): void {
    this.#sql.exec(
      "INSERT OR REPLACE INTO delivery (key, lease, lease_until, remembered, forget_after) VALUES (?, ?, ?, ?, ?)",
      key,
      lease,
      leaseUntil,
      remembered ? toJson(remembered) : null,
      forgetAfter,
    );
  }

  /** What was not delivered in its time and is to be given back, and is not being served. */
  undelivered(now: number): { key: Digest; state: Undelivered }[] {
    const over = "forget_after < ? AND lease_until NOT BETWEEN ? AND ? AND json_extract(remembered, '$.refund') IS NOT NULL";
    return this.#sql
      .exec(`SELECT key, remembered FROM delivery WHERE ${over}`, now, now, now + MAX_HOLD_SECONDS)
      .toArray()
      .map((found) => {
        const { key, remembered } = undeliveredRow(found);
        return { key, state: fromJson(remembered) };
      });
  }

  delete(key: Digest): void {
    this.#sql.exec("DELETE FROM delivery WHERE key = ?", key);
  }

  forget(now: number): void {
    this.#sql.exec("DELETE FROM delivery WHERE forget_after < ? AND lease_until NOT BETWEEN ? AND ?", now, now, now + MAX_HOLD_SECONDS);
  }

  nextForget(): number | undefined {
    return nextRow(this.#sql.exec("SELECT min(forget_after) AS next FROM delivery").one()).next ?? undefined;
  }
}

type Undelivered = Extract<DeliveryState, { refund?: unknown }> & { refund: RefundTerms };
const undeliveredRow = row({ key: text<Digest>(), remembered: text<Json<Undelivered>>() });
const nextRow = row({ next: nullable(integer()) });

/** The table behind paywall/memory.ts: who is serving a payment, and what is left to know of it. */
import type { Digest } from "../../shared/digest.ts";
import { MAX_VALIDITY_SECONDS, SWEEP_INTERVAL_SECONDS, UNDELIVERED_SECONDS } from "../../shared/limits.ts";
import { isOthers, isOwed, type Lease, type Remembered } from "./paywall/memory.ts";

export class LeaseTable {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(
      `CREATE TABLE IF NOT EXISTS delivery (
         key TEXT PRIMARY KEY, lease TEXT NOT NULL, lease_until INTEGER NOT NULL, remembered TEXT, forget_after INTEGER NOT NULL
       ) STRICT, WITHOUT ROWID`,
    );
  }

  begin(key: Digest, lease: Digest, seconds: number, meanwhile: Remembered | undefined, now: number): Lease {
    const row = this.#row(key);
    if (isTaken(row, lease, now)) return { granted: false };
    this.#sql.exec(
      `INSERT INTO delivery (key, lease, lease_until, remembered, forget_after) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (key) DO UPDATE SET lease = excluded.lease, lease_until = excluded.lease_until,
         remembered = coalesce(delivery.remembered, excluded.remembered), forget_after = max(delivery.forget_after, excluded.forget_after)`,
      key,
      lease,
      now + seconds,
      meanwhile ? JSON.stringify(meanwhile) : null,
      now + seconds + (meanwhile ? UNDELIVERED_SECONDS + MAX_VALIDITY_SECONDS : SWEEP_INTERVAL_SECONDS),
    );
    return granted(row);
  }

  resume(key: Digest, lease: Digest, seconds: number, now: number): Lease {
    const row = this.#row(key);
    if (isTaken(row, lease, now) || isOwed(rememberedIn(row))) return this.begin(key, lease, seconds, undefined, now);
    return granted(row);
  }

  finish(key: Digest, lease: Digest, remembered: Remembered | undefined, forgetAfter: number, now: number): void {
    const row = this.#row(key);
    if (isTaken(row, lease, now)) return;
    if (row && isOthers({ lease: row["lease"], remembered: rememberedIn(row) }, lease, remembered)) return;
    if (!remembered) return void this.#sql.exec("DELETE FROM delivery WHERE key = ?", key);
    this.#sql.exec(
      "INSERT OR REPLACE INTO delivery (key, lease, lease_until, remembered, forget_after) VALUES (?, ?, 0, ?, ?)",
      key,
      lease,
      JSON.stringify(remembered),
      forgetAfter,
    );
  }

  #row(key: Digest): Row | undefined {
    return this.#sql.exec("SELECT lease, lease_until, remembered FROM delivery WHERE key = ?", key).toArray()[0];
  }

  forget(now: number): void {
    this.#sql.exec("DELETE FROM delivery WHERE forget_after < ? AND lease_until < ?", now, now);
  }

  nextForget(): number | undefined {
    const next = this.#sql.exec("SELECT min(forget_after) AS next FROM delivery").one()["next"];
    return typeof next === "number" ? next : undefined;
  }
}

type Row = Record<string, SqlStorageValue>;

function isTaken(row: Row | undefined, lease: Digest, now: number): boolean {
  return row !== undefined && row["lease"] !== lease && Number(row["lease_until"]) >= now;
}

function rememberedIn(row: Row | undefined): Remembered | undefined {
  const remembered = row?.["remembered"];
  return typeof remembered === "string" ? (JSON.parse(remembered) as Remembered) : undefined;
}

function granted(row: Row | undefined): Lease {
  const remembered = rememberedIn(row);
  return { granted: true, ...(remembered && { remembered }) };
}

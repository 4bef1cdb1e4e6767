/** The table behind paywall/memory.ts: who is serving a payment, and what is left to know of it. */
import type { Digest } from "../../shared/digest.ts";
import { SWEEP_INTERVAL_SECONDS } from "../../shared/limits.ts";
import type { Lease, Remembered } from "./paywall/memory.ts";

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

  begin(key: Digest, lease: Digest, seconds: number, now: number): Lease {
    const [row] = this.#sql.exec("SELECT lease, lease_until, remembered FROM delivery WHERE key = ?", key).toArray();
    if (row && row["lease"] !== lease && Number(row["lease_until"]) >= now) return { granted: false };
    this.#sql.exec(
      `INSERT INTO delivery (key, lease, lease_until, forget_after) VALUES (?, ?, ?, ?)
       ON CONFLICT (key) DO UPDATE SET lease = excluded.lease, lease_until = excluded.lease_until`,
      key,
      lease,
      now + seconds,
      now + seconds + SWEEP_INTERVAL_SECONDS,
    );
    const remembered = row?.["remembered"];
    return { granted: true, ...(typeof remembered === "string" && { remembered: JSON.parse(remembered) as Remembered }) };
  }

  finish(key: Digest, lease: Digest, remembered: Remembered | undefined, forgetAfter: number, now: number): void {
    const [row] = this.#sql.exec("SELECT lease, lease_until FROM delivery WHERE key = ?", key).toArray();
    if (row && row["lease"] !== lease && Number(row["lease_until"]) >= now) return;
    if (!remembered) return void this.#sql.exec("DELETE FROM delivery WHERE key = ?", key);
    this.#sql.exec(
      "INSERT OR REPLACE INTO delivery (key, lease, lease_until, remembered, forget_after) VALUES (?, ?, 0, ?, ?)",
      key,
      lease,
      JSON.stringify(remembered),
      forgetAfter,
    );
  }

  forget(now: number): void {
    this.#sql.exec("DELETE FROM delivery WHERE forget_after < ? AND lease_until < ?", now, now);
  }

  nextForget(): number | undefined {
    const next = this.#sql.exec("SELECT min(forget_after) AS next FROM delivery").one()["next"];
    return typeof next === "number" ? next : undefined;
  }
}

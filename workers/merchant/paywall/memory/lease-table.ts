/** The shelf of paywall/leases.ts on disk. */
import type { Digest } from "../../../../shared/crypto/digest.ts";
import type { LeaseEntry, LeaseStore } from "./leases.ts";
import type { DeliveryState } from "../types.ts";

export class LeaseTable implements LeaseStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(
      `CREATE TABLE IF NOT EXISTS delivery (
         key TEXT PRIMARY KEY, lease TEXT NOT NULL, lease_until INTEGER NOT NULL, remembered TEXT, forget_after INTEGER NOT NULL
       ) STRICT, WITHOUT ROWID`,
    );
  }

  get(key: Digest): LeaseEntry | undefined {
    const [row] = this.#sql.exec("SELECT * FROM delivery WHERE key = ?", key).toArray();
    if (!row) return undefined;
    const remembered = row["remembered"];
    return {
      lease: row["lease"] as Digest,
      leaseUntil: Number(row["lease_until"]),
      remembered: typeof remembered === "string" ? (JSON.parse(remembered) as DeliveryState) : undefined,
      forgetAfter: Number(row["forget_after"]),
    };
  }

  set(key: Digest, { lease, leaseUntil, remembered, forgetAfter }: LeaseEntry): void {
    this.#sql.exec(
      "INSERT OR REPLACE INTO delivery (key, lease, lease_until, remembered, forget_after) VALUES (?, ?, ?, ?, ?)",
      key,
      lease,
      leaseUntil,
      remembered ? JSON.stringify(remembered) : null,
      forgetAfter,
    );
  }

  delete(key: Digest): void {
    this.#sql.exec("DELETE FROM delivery WHERE key = ?", key);
  }

  forget(now: number): void {
    this.#sql.exec("DELETE FROM delivery WHERE forget_after < ? AND lease_until < ?", now, now);
  }

  nextForget(): number | undefined {
    const next = this.#sql.exec("SELECT min(forget_after) AS next FROM delivery").one()["next"];
    return typeof next === "number" ? next : undefined;
  }
}

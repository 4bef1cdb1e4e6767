/** The merchant's own Durable Object, one per payer: its memory of payments, on disk. See paywall/memory.ts. */
import { DurableObject } from "cloudflare:workers";
import type { Digest } from "../../shared/digest.ts";
import { ALARM_RETRY_SECONDS, SWEEP_INTERVAL_SECONDS } from "../../shared/limits.ts";
import { unixNow } from "../../shared/time.ts";
import type { Lease, Remembered } from "./paywall/memory.ts";

export class Deliveries extends DurableObject {
  readonly #sql: SqlStorage;

  constructor(ctx: DurableObjectState, env: unknown) {
    super(ctx, env as never);
    this.#sql = ctx.storage.sql;
    this.#sql.exec(
      `CREATE TABLE IF NOT EXISTS delivery (
         key TEXT PRIMARY KEY, lease TEXT NOT NULL, lease_until INTEGER NOT NULL, remembered TEXT, forget_after INTEGER NOT NULL
       ) STRICT, WITHOUT ROWID`,
    );
  }

  begin(key: Digest, lease: Digest, seconds: number): Lease {
    const now = unixNow();
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
    void this.#sweepLater();
    const remembered = row?.["remembered"];
    return { granted: true, ...(typeof remembered === "string" && { remembered: JSON.parse(remembered) as Remembered }) };
  }

  finish(key: Digest, lease: Digest, remembered: Remembered | undefined, forgetAfter: number): void {
    const [row] = this.#sql.exec("SELECT lease, lease_until FROM delivery WHERE key = ?", key).toArray();
    if (row && row["lease"] !== lease && Number(row["lease_until"]) >= unixNow()) return;
    if (!remembered) return void this.#sql.exec("DELETE FROM delivery WHERE key = ?", key);
    this.#sql.exec(
      "INSERT OR REPLACE INTO delivery (key, lease, lease_until, remembered, forget_after) VALUES (?, ?, 0, ?, ?)",
      key,
      lease,
      JSON.stringify(remembered),
      forgetAfter,
    );
    void this.#sweepLater();
  }

  /** Forgets what is past its time. Re-arms first and never throws. */
  override async alarm(): Promise<void> {
    await this.ctx.storage.setAlarm((unixNow() + ALARM_RETRY_SECONDS) * 1000);
    this.#sql.exec("DELETE FROM delivery WHERE forget_after < ? AND lease_until < ?", unixNow(), unixNow());
    const [row] = this.#sql.exec("SELECT min(forget_after) AS next FROM delivery").toArray();
    const next = row?.["next"];
    if (typeof next === "number") await this.ctx.storage.setAlarm((Math.max(next, unixNow()) + 1) * 1000);
    else await this.ctx.storage.deleteAlarm();
  }

  async #sweepLater(): Promise<void> {
    if ((await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm((unixNow() + SWEEP_INTERVAL_SECONDS) * 1000);
  }
}

/** A RunStore on disk: the table `unsettled_run`. */

import type { Digest } from "../../../../shared/crypto/digest.ts";
import { UNSETTLED_RUN_SECONDS } from "../../../../shared/limits.ts";
import { integer, nullable, row } from "../../../../shared/row.ts";
import type { RunStore } from "./leases.ts";

const countRow = row({ runs: integer() });
const oldestRow = row({ oldest: nullable(integer()) });

export class RunTable implements RunStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  countOthers(key: Digest, since: number, until: number): number {
    const counted = "SELECT count(*) AS runs FROM unsettled_run WHERE key <> ? AND started_at > ? AND started_at <= ?";
    return countRow(this.#sql.exec(counted, key, since, until).one()).runs;
  }

  start(key: Digest, at: number): void {
    this.#sql.exec("INSERT OR REPLACE INTO unsettled_run (key, started_at) VALUES (?, ?)", key, at);
  }

  end(key: Digest): void {
    this.#sql.exec("DELETE FROM unsettled_run WHERE key = ?", key);
  }

  forget(now: number): void {
    this.#sql.exec("DELETE FROM unsettled_run WHERE started_at < ?", now - UNSETTLED_RUN_SECONDS);
  }

  nextForget(): number | undefined {
    const { oldest } = oldestRow(this.#sql.exec("SELECT min(started_at) AS oldest FROM unsettled_run").one());
    return oldest === null ? undefined : oldest + UNSETTLED_RUN_SECONDS;
  }
}

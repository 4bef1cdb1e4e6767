/** What the desk forgets, and when. */

import { DESK_KEPT_SECONDS, DESK_SWEEP_BATCH, DESK_UNAPPROVED_SECONDS } from "../../shared/limits.ts";
import type { DeskStore } from "./store.ts";

/** Nothing waits for a sweep: what is over counts as over. */
const SWEEP_SECONDS = 6 * 3600;

/** Deletes what is over. @returns when there is more to do, in unix seconds; undefined if nothing is stored that ends */
export function sweep(store: DeskStore, now: number): number | undefined {
  const gone = store.transact(() => [
    store.sql("UPDATE request SET state = 'expired', decided_at = expires_at WHERE state = 'pending' AND expires_at < ? RETURNING 1", now)
      .length,
    deleted(store, "part", "valid_before < ?", now),
    deleted(store, "proposal", "ends_at < ?", now),
    deleted(store, "used", "until < ?", now),
    deleted(store, "login", "expires_at < ?", now),
    deleted(store, "request", "payment IS NULL AND state <> 'pending' AND expires_at < ?", now - DESK_UNAPPROVED_SECONDS),
    deleted(store, "request", "decided_at < ?", now - DESK_KEPT_SECONDS),
    store.sql("DELETE FROM receipt WHERE request NOT IN (SELECT digest FROM request)").length,
    deleted(store, "mandate", "valid_before < ?", now - DESK_KEPT_SECONDS),
    deleted(store, "event", "at < ?", now - DESK_KEPT_SECONDS),
  ]);
  if (gone.some((rows) => rows >= DESK_SWEEP_BATCH)) return now;
  return isEmpty(store) ? undefined : now + SWEEP_SECONDS;
}

function deleted(store: DeskStore, table: string, where: string, before: number): number {
  return store.sql(
    `DELETE FROM ${table} WHERE rowid IN (SELECT rowid FROM ${table} WHERE ${where} LIMIT ${DESK_SWEEP_BATCH}) RETURNING 1`,
    before,
  ).length;
}

/** Of an account that signed in once, and then did nothing: its object can go. */
function isEmpty(store: DeskStore): boolean {
  const tables = ["agent", "login", "request", "mandate", "device", "webhook"];
  const kept = tables.some((table) => store.sql(`SELECT 1 FROM ${table} LIMIT 1`).length > 0);
  return !kept && store.sql("SELECT 1 FROM setting WHERE name = 'keys'").length === 0;
}

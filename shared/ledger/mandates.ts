/** The mandate table: what each mandate has spent and holds, and what its payer has revoked. */

import { keepNewest } from "../bounded.ts";
import type { Digest } from "../crypto/digest.ts";
import {
  CLOCK_SKEW_SECONDS,
  FORGET_SECONDS,
  MAX_KNOWN_MANDATES,
  MAX_MANDATE_SECONDS,
  MAX_VALIDITY_SECONDS,
  PRUNE_BATCH,
} from "../limits.ts";
import type { AccountId } from "../protocol/account.ts";
import type { LedgerMandate } from "../protocol/ledger-payment.ts";
import { integer, nullable, row, type RowOf, text } from "../row.ts";
import { type Counters, UNUSED } from "./mandate-counters.ts";
import { invariant, type LedgerStore } from "./store.ts";

const KEY = { payer: text<AccountId>(), digest: text<Digest>() };
const MANDATE = {
  ...KEY,
  settled: text(),
  claimed: text(),
  window: integer(),
  window_used: text(),
  window_count: integer(),
  revoked_at: nullable(integer()),
  capture_deadline: integer(),
  facts: nullable(text()),
};
const keyRow = row(KEY);
const mandateRow = row(MANDATE);
const panicRow = row({ before: integer() });

/** What the ledger knows of a mandate. */
export interface KnownMandate {
  payer: AccountId;
  digest: Digest;
  counters: Counters;
  /** Unix seconds; undefined while it is open. */
  revokedAt?: number;
  /** Its limits; undefined if it was revoked before its first claim. */
  facts?: LedgerMandate;
}

/** Longer than any payment under a mandate that ends at `validBefore` can be captured. */
const AFTER_ITS_END = MAX_VALIDITY_SECONDS + CLOCK_SKEW_SECONDS;

export class Mandates {
  readonly #store: LedgerStore;
  /** A cache of mandates, as they were last read or written. After a rollback it is cleared: see `forget`. */
  readonly #known = new Map<string, KnownMandate>();
  /** Whether any payer of this shard has ever revoked everything. Most shards have none, and their payments cost no look-up. */
  #anyPanic: boolean;

  constructor(store: LedgerStore) {
    this.#store = store;
    this.#anyPanic = store.sql("SELECT 1 FROM panic LIMIT 1").length > 0;
  }

  find(payer: AccountId, digest: Digest): KnownMandate | undefined {
    const known = this.#known.get(keyOf(payer, digest));
    if (known) return known;
    const [found] = this.#store.sql("SELECT * FROM mandate WHERE payer = ? AND digest = ?", payer, digest);
    return found && this.#remember(knownMandate(mandateRow(found)));
  }

  /** Clears the cache. Callers do so after a rollback. */
  forget(): void {
    this.#known.clear();
  }

  #remember(mandate: KnownMandate): KnownMandate {
    keepNewest(this.#known, keyOf(mandate.payer, mandate.digest), mandate, MAX_KNOWN_MANDATES);
    return mandate;
  }

  /** Makes the row of a mandate that is claimed for the first time. */
  insert(payer: AccountId, facts: LedgerMandate, counters: Counters): void {
    this.#insert(payer, facts.digest, counters, null, facts.validBefore + AFTER_ITS_END, JSON.stringify(facts));
    this.#remember({ payer, digest: facts.digest, counters, facts });
  }

  /** Makes the row of a mandate that is revoked before its first claim. @param signedBy unix seconds: it was granted by then */
  insertRevoked(payer: AccountId, digest: Digest, revokedAt: number, signedBy: number): void {
    const end = signedBy + CLOCK_SKEW_SECONDS + MAX_MANDATE_SECONDS;
    this.#insert(payer, digest, UNUSED, revokedAt, end + AFTER_ITS_END, null);
  }

  #insert(
    payer: AccountId,
    digest: Digest,
    { settled, claimed, window, windowUsed, windowCount }: Counters,
    revokedAt: number | null,
    captureDeadline: number,
    facts: string | null,
  ): void {
    this.#store.sql(
      `INSERT INTO mandate (payer, digest, settled, claimed, window, window_used, window_count, revoked_at, capture_deadline, facts)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      payer,
      digest,
      settled.toString(),
      claimed.toString(),
      window,
      windowUsed.toString(),
      windowCount,
      revokedAt,
      captureDeadline,
      facts,
    );
  }

  setCounters(mandate: KnownMandate, counters: Counters): void {
    const { settled, claimed, window, windowUsed, windowCount } = counters;
    this.#store.sql(
      "UPDATE mandate SET settled = ?, claimed = ?, window = ?, window_used = ?, window_count = ? WHERE payer = ? AND digest = ?",
      settled.toString(),
      claimed.toString(),
      window,
      windowUsed.toString(),
      windowCount,
      mandate.payer,
      mandate.digest,
    );
    this.#remember({ ...mandate, counters });
  }

  setRevoked(mandate: KnownMandate, revokedAt: number): void {
    this.#store.sql("UPDATE mandate SET revoked_at = ? WHERE payer = ? AND digest = ?", revokedAt, mandate.payer, mandate.digest);
    this.#remember({ ...mandate, revokedAt });
  }

  /** Counts the mandates that the payer revoked before their first claim, and that are not forgotten yet. */
  revokedUnusedBy(payer: AccountId): number {
    const [counted] = this.#store.sql("SELECT count(*) AS mandates FROM mandate WHERE payer = ? AND facts IS NULL", payer);
    return Number(counted?.["mandates"]);
  }

  /** Unix seconds: everything that the payer had signed by then is revoked. Undefined if it never revoked everything. */
  panicOf(payer: AccountId): number | undefined {
    if (!this.#anyPanic) return undefined;
    return this.#store.sql("SELECT before FROM panic WHERE payer = ?", payer).map(panicRow)[0]?.before;
  }

  /** Kept forever: one row for an account that has held money. @returns the later of this time and the one before */
  setPanic(payer: AccountId, before: number): number {
    this.#store.sql(
      "INSERT INTO panic (payer, before) VALUES (?, ?) ON CONFLICT (payer) DO UPDATE SET before = max(before, excluded.before)",
      payer,
      before,
    );
    this.#anyPanic = true; // after a rollback it costs a look-up
    const panic = this.panicOf(payer);
    invariant(panic !== undefined, "a panic is recorded");
    return panic;
  }

  /** Deletes a bounded batch of those that are past their retention. A mandate with a hold stays. */
  sweep(now: number): { unfinished: boolean; forgot: boolean } {
    const old = this.#store
      .sql("SELECT payer, digest FROM mandate WHERE claimed = '0' AND capture_deadline < ? LIMIT ?", now - FORGET_SECONDS, PRUNE_BATCH)
      .map(keyRow);
    for (const { payer, digest } of old) {
      this.#store.sql("DELETE FROM mandate WHERE payer = ? AND digest = ?", payer, digest);
      this.#known.delete(keyOf(payer, digest));
    }
    return { unfinished: old.length === PRUNE_BATCH, forgot: old.length > 0 };
  }

  /** Unix seconds at which the next one can be forgotten; Infinity without any. */
  nextSweep(): number {
    const [found] = this.#store.sql("SELECT min(capture_deadline) AS next FROM mandate WHERE claimed = '0'");
    const next = found?.["next"];
    return typeof next === "number" ? next + FORGET_SECONDS + 1 : Infinity;
  }

  /** For audits. */
  all(): KnownMandate[] {
    return this.#store.sql("SELECT * FROM mandate ORDER BY payer, digest").map((found) => knownMandate(mandateRow(found)));
  }

  isEmpty(): boolean {
    return this.#store.sql("SELECT 1 FROM mandate LIMIT 1").length === 0;
  }
}

function keyOf(payer: AccountId, digest: Digest): string {
  return `${payer} ${digest}`;
}

function knownMandate(found: RowOf<typeof MANDATE>): KnownMandate {
  const { payer, digest, revoked_at: revokedAt, facts } = found;
  return {
    payer,
    digest,
    counters: {
      settled: BigInt(found.settled),
      claimed: BigInt(found.claimed),
      window: found.window,
      windowUsed: BigInt(found.window_used),
      windowCount: found.window_count,
    },
    ...(revokedAt !== null && { revokedAt }),
    ...(facts !== null && { facts: JSON.parse(facts) as LedgerMandate }),
  };
}

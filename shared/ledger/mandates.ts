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

const KEY = { number: integer(), payer: text<AccountId>(), digest: text<Digest>() };
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
const numberRow = row({ number: integer() });
const keyRow = row(KEY);
const mandateRow = row(MANDATE);
const panicRow = row({ before: integer() });

const COLUMNS = "number, payer, digest, settled, claimed, window, window_used, window_count, revoked_at, capture_deadline, facts";
const SELECT = `SELECT ${COLUMNS} FROM mandate JOIN mandate_use ON mandate = number`;
/** Those without a hold. */
const IDLE = `${SELECT} WHERE claimed = '0'`;

/** What the ledger knows of a mandate. */
export interface KnownMandate {
  /** Of its rows, on this shard. */
  number: number;
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
    const [found] = this.#store.sql(`${SELECT} WHERE payer = ? AND digest = ?`, payer, digest);
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

  /** Makes the rows of a mandate that is claimed for the first time. */
  insert(payer: AccountId, facts: LedgerMandate, counters: Counters): void {
    const { digest } = facts;
    const number = this.#insert(payer, digest, counters, null, facts.validBefore + AFTER_ITS_END, JSON.stringify(facts));
    this.#remember({ number, payer, digest, counters, facts });
  }

  /** Makes the rows of a mandate that is revoked before its first claim. @param signedBy unix seconds: it was granted by then */
  insertRevoked(payer: AccountId, digest: Digest, revokedAt: number, signedBy: number): void {
    const end = signedBy + CLOCK_SKEW_SECONDS + MAX_MANDATE_SECONDS;
    this.#insert(payer, digest, UNUSED, revokedAt, end + AFTER_ITS_END, null);
  }

  /** @returns the number of the rows */
  #insert(
    payer: AccountId,
    digest: Digest,
    counters: Counters,
    revokedAt: number | null,
    captureDeadline: number,
    facts: string | null,
  ): number {
    const [made] = this.#store.sql(
      "INSERT INTO mandate (payer, digest, revoked_at, capture_deadline, facts) VALUES (?, ?, ?, ?, ?) RETURNING number",
      payer,
      digest,
      revokedAt,
      captureDeadline,
      facts,
    );
    const { number } = numberRow(made ?? {});
    this.#store.sql(
      "INSERT INTO mandate_use (settled, claimed, window, window_used, window_count, mandate) VALUES (?, ?, ?, ?, ?, ?)",
      ...columnsOf(counters),
      number,
    );
    return number;
  }

  setCounters(mandate: KnownMandate, counters: Counters): void {
    this.#store.sql(
      "UPDATE mandate_use SET settled = ?, claimed = ?, window = ?, window_used = ?, window_count = ? WHERE mandate = ?",
      ...columnsOf(counters),
      mandate.number,
    );
    this.#remember({ ...mandate, counters });
  }

  setRevoked(mandate: KnownMandate, revokedAt: number): void {
    this.#store.sql("UPDATE mandate SET revoked_at = ? WHERE number = ?", revokedAt, mandate.number);
    this.#remember({ ...mandate, revokedAt });
  }

  /** Does not forget it before its retention after `deadline`, unix seconds. */
  keepUntil(payer: AccountId, digest: Digest, deadline: number): void {
    this.#store.sql(
      "UPDATE mandate SET capture_deadline = ? WHERE payer = ? AND digest = ? AND capture_deadline < ?",
      deadline,
      payer,
      digest,
      deadline,
    );
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
    const old = this.#store.sql(`${IDLE} AND capture_deadline < ? LIMIT ?`, now - FORGET_SECONDS, PRUNE_BATCH).map(keyRow);
    for (const { number, payer, digest } of old) {
      this.#store.sql("DELETE FROM mandate_use WHERE mandate = ?", number);
      this.#store.sql("DELETE FROM mandate WHERE number = ?", number);
      this.#known.delete(keyOf(payer, digest));
    }
    return { unfinished: old.length === PRUNE_BATCH, forgot: old.length > 0 };
  }

  /** Unix seconds at which the next one can be forgotten; Infinity without any. */
  nextSweep(): number {
    const [found] = this.#store.sql(`SELECT min(capture_deadline) AS next FROM (${IDLE})`);
    const next = found?.["next"];
    return typeof next === "number" ? next + FORGET_SECONDS + 1 : Infinity;
  }

  /** For audits. */
  all(): KnownMandate[] {
    return this.#store.sql(`${SELECT} ORDER BY payer, digest`).map((found) => knownMandate(mandateRow(found)));
  }

  isEmpty(): boolean {
    return this.#store.sql("SELECT 1 FROM mandate LIMIT 1").length === 0;
  }
}

function keyOf(payer: AccountId, digest: Digest): string {
  return `${payer} ${digest}`;
}

/** In the order of the two statements that write them. */
function columnsOf({ settled, claimed, window, windowUsed, windowCount }: Counters) {
  return [settled.toString(), claimed.toString(), window, windowUsed.toString(), windowCount] as const;
}

function knownMandate(found: RowOf<typeof MANDATE>): KnownMandate {
  const { number, payer, digest, revoked_at: revokedAt, facts } = found;
  return {
    number,
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

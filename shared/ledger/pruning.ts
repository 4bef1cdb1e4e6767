/**
 * Pruning: a journal loses what an operator has exported, once it is old. The last entry that was dropped stays known, so
 * that what is left can still be checked.
 */
import type { AccountId } from "../protocol/account.ts";
import type { Digest } from "../crypto/digest.ts";
import { JOURNAL_RETENTION_SECONDS, PRUNE_BATCH, SWEEP_INTERVAL_SECONDS } from "../limits.ts";
import type { Link } from "./journal.ts";
import type { LedgerStore, Row } from "./store.ts";

/** Goes round all exported chains, a bounded part of the way at a time, and rests until an entry comes of age: for an hour at least, since on a busy ledger one does every second. */
export class Pruning {
  readonly #store: LedgerStore;
  /** Unix seconds at which a round has something to drop; Infinity when none will. Not stored: a restart looks. */
  #due = 0;
  /** The account at which the round under way goes on; "" when it has to begin. */
  #after = "";
  /** What will be due after it. */
  #next = Infinity;
  #restsUntil = 0;

  constructor(store: LedgerStore) {
    this.#store = store;
  }

  /** The chain was exported up to `link`; an earlier one than the last changes nothing. */
  exported(account: AccountId, { seq }: Link): void {
    this.#store.sql(
      "INSERT INTO checkpoint (account, seq) VALUES (?, ?) ON CONFLICT (account) DO UPDATE SET seq = max(seq, excluded.seq)",
      account,
      Number(seq),
    );
    this.#due = 0;
    this.#next = 0; // the round under way may have passed it
  }

  /** Whether anything that was exported is still here. */
  isPending(): boolean {
    return this.#store.sql("SELECT 1 FROM checkpoint WHERE base_seq < seq LIMIT 1").length > 0;
  }

  /** Drops what is due, so much of it at most. @returns unix seconds at which there is more to drop, or to look for; Infinity for never */
  work(now: number): number {
    const begin = Math.max(this.#due, this.#restsUntil);
    if (now < begin) return begin;
    if (this.#after === "") this.#next = Infinity;
    const reached = this.#goOn(now);
    this.#after = reached ?? "";
    if (reached !== undefined) return now + 1;
    this.#due = this.#next;
    this.#restsUntil = now + SWEEP_INTERVAL_SECONDS;
    return Math.max(this.#due, this.#restsUntil);
  }

  /** For whoever has undone what was written. */
  forget(): void {
    this.#due = 0;
    this.#after = "";
    this.#restsUntil = 0;
  }

  /**
   * Looks at the next PRUNE_BATCH chains in the order of their accounts, and drops as many entries in all. A chain that has none
   * to drop, as most have, costs a look at its first.
   * @returns the account at which it ended; undefined when the round is finished
   */
  #goOn(now: number): string | undefined {
    const before = now - JOURNAL_RETENTION_SECONDS;
    const chains = this.#store.sql(
      "SELECT account, seq FROM checkpoint WHERE account > ? ORDER BY account LIMIT ?",
      this.#after,
      PRUNE_BATCH,
    );
    let left = PRUNE_BATCH;
    let done = this.#after;
    for (const chain of chains) {
      let [first] = this.#covered(chain, 1);
      if (first && Number(first["at"]) < before) {
        const entries = this.#covered(chain, left);
        const old = leading(entries, before);
        this.#drop(String(chain["account"]), old);
        left -= entries.length;
        if (left === 0) return done; // this chain may have more
        first = entries[old.length];
      }
      if (first) this.#next = Math.min(this.#next, Number(first["at"]) + JOURNAL_RETENTION_SECONDS + 1);
      done = String(chain["account"]);
    }
    return chains.length === PRUNE_BATCH ? done : undefined;
  }

  /** The oldest entries that the chain's checkpoint covers. */
  #covered({ account, seq }: Row, limit: number): Row[] {
    return this.#store.sql(
      "SELECT seq, at, hash, balance_after FROM journal WHERE account = ? AND seq <= ? ORDER BY seq LIMIT ?",
      String(account),
      Number(seq),
      limit,
    );
  }

  #drop(account: string, entries: readonly Row[]): void {
    const last = entries.at(-1);
    if (!last) return;
    this.#store.sql("DELETE FROM journal WHERE account = ? AND seq <= ?", account, Number(last["seq"]));
    this.#store.sql(
      "UPDATE checkpoint SET base_seq = ?, base_hash = ?, base_balance = ? WHERE account = ?",
      Number(last["seq"]),
      String(last["hash"]),
      String(last["balance_after"]),
      account,
    );
  }
}

/** Where the account's journal begins now: the last entry that was pruned. Undefined while it is whole. */
export function journalBase(store: LedgerStore, account: AccountId): Link | undefined {
  const [row] = store.sql("SELECT base_seq, base_hash, base_balance FROM checkpoint WHERE account = ? AND base_seq > 0", account);
  return row && { seq: String(row["base_seq"]), hash: row["base_hash"] as Digest, balanceAfter: String(row["base_balance"]) };
}

/**
 * The first of these entries, as far as all of them were made before `before`. Behind a young entry there may be older ones: a
 * restart with an earlier clock sets times back. They wait for it, or the chain would have a hole.
 */
function leading(entries: readonly Row[], before: number): readonly Row[] {
  const young = entries.findIndex(({ at }) => Number(at) >= before);
  return young === -1 ? entries : entries.slice(0, young);
}

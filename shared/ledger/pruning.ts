/**
 * Pruning deletes journal entries that an operator has exported, once they are old. It keeps the hash and balance of the last
 * deleted entry, so that the rest of the chain can still be verified.
 */

import type { Digest } from "../crypto/digest.ts";
import { JOURNAL_RETENTION_SECONDS, PRUNE_BATCH, SWEEP_INTERVAL_SECONDS } from "../limits.ts";
import type { AccountId } from "../protocol/account.ts";
import { integer, row, type RowOf, text } from "../row.ts";
import type { Link } from "./journal.ts";
import { forgetRefunds } from "./refunds.ts";
import type { LedgerStore } from "./store.ts";

const CHAIN = { account: text<AccountId>(), seq: integer() };
type ChainRow = RowOf<typeof CHAIN>;
const chainRow = row(CHAIN);
const ENTRY = { seq: integer(), at: integer(), hash: text<Digest>(), balance_after: text() };
type EntryRow = RowOf<typeof ENTRY>;
const entryRow = row(ENTRY);
const baseRow = row({ base_seq: integer(), base_hash: text<Digest>(), base_balance: text() });

/**
 * Sweeps all exported chains, a bounded batch at a time. After a round it rests until the next entry is old, but for an hour at
 * least: on a busy ledger an entry grows old every second.
 */
export class Pruning {
  readonly #store: LedgerStore;
  /** Unix seconds at which a round can delete something; Infinity if none can. Not stored: after a restart a round looks. */
  #due = 0;
  /** The account after which the round goes on; "" before a round. */
  #after = "";
  /** `#due` after this round. */
  #next = Infinity;
  #restsUntil = 0;

  constructor(store: LedgerStore) {
    this.#store = store;
  }

  /** Records that the chain was exported up to `link`. A link before the recorded one changes nothing. */
  exported(account: AccountId, { seq }: Link): void {
    this.#store.sql(
      "INSERT INTO checkpoint (account, seq) VALUES (?, ?) ON CONFLICT (account) DO UPDATE SET seq = max(seq, excluded.seq)",
      account,
      Number(seq),
    );
    this.#due = 0;
    this.#next = 0; // the round may have passed this account
  }

  /** Whether any exported entry is still in the journal. */
  isPending(): boolean {
    return this.#store.sql("SELECT 1 FROM checkpoint WHERE base_seq < seq LIMIT 1").length > 0;
  }

  /** Deletes a bounded batch of what is due. @returns unix seconds at which there is work again; Infinity for never */
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

  /** Callers do this after a rollback: the next round starts from the stored state. */
  forget(): void {
    this.#due = 0;
    this.#after = "";
    this.#restsUntil = 0;
  }

  /**
   * Reads the next PRUNE_BATCH chains in the order of their accounts, and deletes up to PRUNE_BATCH entries in all. Most chains
   * have nothing to delete: they cost a read of their first entry.
   * @returns the account at which it stopped; undefined when the round is finished
   */
  #goOn(now: number): string | undefined {
    const before = now - JOURNAL_RETENTION_SECONDS;
    const chains = this.#store
      .sql("SELECT account, seq FROM checkpoint WHERE account > ? ORDER BY account LIMIT ?", this.#after, PRUNE_BATCH)
      .map(chainRow);
    let left = PRUNE_BATCH;
    let done = this.#after;
    for (const chain of chains) {
      let [first] = this.#covered(chain, 1);
      if (first && first.at < before) {
        const entries = this.#covered(chain, left);
        const old = leading(entries, before);
        this.#delete(chain.account, old, now);
        left -= entries.length;
        if (left === 0) return done; // this chain may have more
        first = entries[old.length];
      }
      if (first) this.#next = Math.min(this.#next, first.at + JOURNAL_RETENTION_SECONDS + 1);
      done = chain.account;
    }
    return chains.length === PRUNE_BATCH ? done : undefined;
  }

  /** The oldest entries that the chain's checkpoint covers. */
  #covered({ account, seq }: ChainRow, limit: number): EntryRow[] {
    return this.#store
      .sql("SELECT seq, at, hash, balance_after FROM journal WHERE account = ? AND seq <= ? ORDER BY seq LIMIT ?", account, seq, limit)
      .map(entryRow);
  }

  #delete(account: AccountId, entries: readonly EntryRow[], now: number): void {
    const last = entries.at(-1);
    if (!last) return;
    this.#store.sql("DELETE FROM journal WHERE account = ? AND seq <= ?", account, last.seq);
    forgetRefunds(this.#store, account, last.seq, now);
    this.#store.sql(
      "UPDATE checkpoint SET base_seq = ?, base_hash = ?, base_balance = ? WHERE account = ?",
      last.seq,
      last.hash,
      last.balance_after,
      account,
    );
  }
}

/** The last pruned entry of the account's journal: its first entry now follows this one. Undefined while the journal is whole. */
export function journalBase(store: LedgerStore, account: AccountId): Link | undefined {
  const [row] = store.sql("SELECT base_seq, base_hash, base_balance FROM checkpoint WHERE account = ? AND base_seq > 0", account);
  if (!row) return undefined;
  const { base_seq: seq, base_hash: hash, base_balance: balanceAfter } = baseRow(row);
  return { seq: String(seq), hash, balanceAfter };
}

/**
 * The leading entries that were all made before `before`. Older entries can follow a younger one, because a restart can set the
 * clock back. They wait for the younger one: deleting them would leave a gap in the chain.
 */
function leading(entries: readonly EntryRow[], before: number): readonly EntryRow[] {
  const young = entries.findIndex(({ at }) => at >= before);
  return young === -1 ? entries : entries.slice(0, young);
}

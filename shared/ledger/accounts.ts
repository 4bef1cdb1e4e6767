/** Balances and holds on balances. Every movement of money passes here, and leaves its entry in the journal. */
import type { AccountId } from "../account.ts";
import type { AccountState } from "../backend.ts";
import type { Digest } from "../digest.ts";
import { MAX_AMOUNT } from "../limits.ts";
import { appendEntry, batchDigest, type BatchOrigin, type JournalEntry, readEntries } from "./journal.ts";
import { invariant, type LedgerStore } from "./store.ts";
import type { Credit } from "./stream.ts";

/** What a movement of money is about, for both journals it appears in. */
export type Cause = Required<Pick<JournalEntry, "transaction">> &
  Pick<JournalEntry, "authorizationDigest" | "requestDigest"> & {
    /** Unix seconds. */
    at: number;
  };

/** What an entry says beyond the account, the sum and the chain. */
type Posting = Pick<
  JournalEntry,
  "kind" | "counterparty" | "transaction" | "authorizationDigest" | "requestDigest" | "batch" | "transactions"
>;

export class Accounts {
  readonly #store: LedgerStore;
  readonly #ledger: Digest;

  constructor(store: LedgerStore, ledger: Digest) {
    this.#store = store;
    this.#ledger = ledger;
  }

  /** An account that was never used is an empty one. */
  read(id: AccountId): AccountState {
    const [row] = this.#store.sql("SELECT * FROM account WHERE id = ?", id);
    if (!row) return { account: id, balance: "0", held: "0", journalSeq: 0, journalHead: this.#ledger };
    return {
      account: id,
      balance: String(row["balance"]),
      held: String(row["held"]),
      journalSeq: Number(row["journal_seq"]),
      journalHead: row["journal_head"] as Digest,
    };
  }

  /** Claims (or, negative, gives back) part of a balance. */
  hold(id: AccountId, value: bigint): void {
    const account = this.read(id);
    const held = BigInt(account.held) + value;
    invariant(held >= 0n && held <= BigInt(account.balance), `0 <= held <= balance of ${id}`);
    this.#store.sql("UPDATE account SET held = ? WHERE id = ?", held.toString(), id);
  }

  /** Moves money between two accounts of this shard. Both journals get their entry in the same transaction. */
  transfer(from: AccountId, to: AccountId, value: bigint, cause: Cause): void {
    this.debit(from, to, value, cause);
    const { at, ...about } = cause;
    this.#post(to, value, at, { kind: "credit", counterparty: from, ...about });
  }

  /** Takes money for an account of another shard. The caller sees to it that it arrives there. */
  debit(from: AccountId, to: AccountId, value: bigint, { at, ...about }: Cause): void {
    invariant(from !== to, "payer and payee differ");
    this.#post(from, -value, at, { kind: "debit", counterparty: to, ...about });
  }

  /** The money of several payments from another shard, as one entry. */
  creditBatch(to: AccountId, credits: readonly Credit[], range: Pick<BatchOrigin, "fromShard" | "first" | "last">, at: number): void {
    const transactions = credits.map(({ transaction }) => transaction);
    const sum = credits.reduce((sum, { value }) => sum + BigInt(value), 0n);
    const batch = { ...range, count: String(credits.length), transactions: batchDigest(transactions) };
    this.#post(to, sum, at, { kind: "batch", batch, transactions });
  }

  /** The first entry of all: the whole supply, in the treasury. */
  mint(treasury: AccountId, supply: bigint, { at, ...about }: Cause): void {
    this.#post(treasury, supply, at, { kind: "genesis", counterparty: treasury, ...about });
  }

  #post(id: AccountId, delta: bigint, at: number, { kind, counterparty, ...about }: Posting): void {
    const account = this.read(id);
    const balance = BigInt(account.balance) + delta;
    invariant(delta !== 0n && balance >= BigInt(account.held) && balance <= MAX_AMOUNT, `held <= balance <= u128 of ${id}`);
    const hash = appendEntry(this.#store, {
      account: id,
      seq: String(account.journalSeq + 1),
      kind,
      ...(counterparty && { counterparty }),
      value: (delta < 0n ? -delta : delta).toString(),
      balanceAfter: balance.toString(),
      ...about,
      at: String(at),
      prevHash: account.journalHead,
    });
    this.#store.sql(
      `INSERT INTO account (id, balance, held, journal_seq, journal_head) VALUES (?, ?, '0', ?, ?)
       ON CONFLICT (id) DO UPDATE SET balance = excluded.balance, journal_seq = excluded.journal_seq, journal_head = excluded.journal_head`,
      id,
      balance.toString(),
      account.journalSeq + 1,
      hash,
    );
  }

  /** A page of an account's chain, oldest first. */
  journal(id: AccountId, afterSeq: number, limit: number): JournalEntry[] {
    return readEntries(this.#store, id, afterSeq, limit);
  }
}

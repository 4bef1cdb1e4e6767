/** Balances, holds on balances, and the journal: one hash chain per account. Every movement of money passes here. */
import type { AccountId } from "../account.ts";
import type { AccountState } from "../backend.ts";
import { type Digest, digest } from "../digest.ts";
import { MAX_AMOUNT } from "../limits.ts";
import { invariant, type LedgerStore, type Row } from "./store.ts";

/** One step of an account's chain. `hash` = digest("JournalEntry", all the other members). */
export interface JournalEntry {
  account: AccountId;
  /** 1, 2, 3 … without gaps, as a decimal string. */
  seq: string;
  kind: "genesis" | "debit" | "credit";
  counterparty: AccountId;
  value: string;
  balanceAfter: string;
  authorizationDigest?: Digest;
  requestDigest?: Digest;
  transaction: Digest;
  /** Unix seconds of the ledger's clock, as a decimal string. */
  at: string;
  /** The hash of the entry before; of the first entry, the ledger's id. */
  prevHash: Digest;
  hash: Digest;
}

/** What a movement of money is about, for both journals it appears in. */
export type Cause = Pick<JournalEntry, "transaction" | "authorizationDigest" | "requestDigest"> & {
  /** Unix seconds. */
  at: number;
};

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

  /** Moves money. Both journals get their entry in the same transaction. */
  transfer(from: AccountId, to: AccountId, value: bigint, cause: Cause): void {
    invariant(from !== to, "payer and payee differ");
    this.#post(from, "debit", to, -value, cause);
    this.#post(to, "credit", from, value, cause);
  }

  /** The first entry of all: the whole supply, in the treasury. */
  mint(treasury: AccountId, supply: bigint, cause: Cause): void {
    this.#post(treasury, "genesis", treasury, supply, cause);
  }

  #post(id: AccountId, kind: JournalEntry["kind"], counterparty: AccountId, delta: bigint, cause: Cause): void {
    const account = this.read(id);
    const balance = BigInt(account.balance) + delta;
    invariant(delta !== 0n && balance >= BigInt(account.held) && balance <= MAX_AMOUNT, `held <= balance <= u128 of ${id}`);
    const { at, ...about } = cause;
    const entry: Omit<JournalEntry, "hash"> = {
      account: id,
      seq: String(account.journalSeq + 1),
      kind,
      counterparty,
      value: (delta < 0n ? -delta : delta).toString(),
      balanceAfter: balance.toString(),
      ...about,
      at: String(at),
      prevHash: account.journalHead,
    };
    const hash = digest("JournalEntry", entry);
    this.#store.sql(
      `INSERT INTO journal (account, seq, kind, counterparty, value, balance_after, authorization_digest, request_digest, tx, at, prev_hash, hash)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      id,
      account.journalSeq + 1,
      kind,
      counterparty,
      entry.value,
      entry.balanceAfter,
      cause.authorizationDigest ?? null,
      cause.requestDigest ?? null,
      cause.transaction,
      at,
      entry.prevHash,
      hash,
    );
    this.#store.sql(
      `INSERT INTO account (id, balance, held, journal_seq, journal_head) VALUES (?, ?, '0', ?, ?)
       ON CONFLICT (id) DO UPDATE SET balance = excluded.balance, journal_seq = excluded.journal_seq, journal_head = excluded.journal_head`,
      id,
      entry.balanceAfter,
      account.journalSeq + 1,
      hash,
    );
  }

  /** A page of an account's chain, oldest first. */
  journal(id: AccountId, afterSeq: number, limit: number): JournalEntry[] {
    return this.#store
      .sql("SELECT * FROM journal WHERE account = ? AND seq > ? ORDER BY seq LIMIT ?", id, afterSeq, limit)
      .map(journalEntry);
  }
}

function journalEntry(row: Row): JournalEntry {
  return {
    account: row["account"] as AccountId,
    seq: String(row["seq"]),
    kind: row["kind"] as JournalEntry["kind"],
    counterparty: row["counterparty"] as AccountId,
    value: String(row["value"]),
    balanceAfter: String(row["balance_after"]),
    ...(row["authorization_digest"] !== null && { authorizationDigest: row["authorization_digest"] as Digest }),
    ...(row["request_digest"] !== null && { requestDigest: row["request_digest"] as Digest }),
    transaction: row["tx"] as Digest,
    at: String(row["at"]),
    prevHash: row["prev_hash"] as Digest,
    hash: row["hash"] as Digest,
  };
}

/** Whether `entry` follows `previous` (undefined for the first) in its account's chain, and hashes to what it says. */
export function continuesChain(entry: JournalEntry, previous: JournalEntry | undefined, ledger: Digest): boolean {
  const { hash, ...body } = entry;
  const before = BigInt(previous?.balanceAfter ?? "0");
  const delta = entry.kind === "debit" ? -BigInt(entry.value) : BigInt(entry.value);
  return (
    entry.prevHash === (previous?.hash ?? ledger) &&
    BigInt(entry.seq) === BigInt(previous?.seq ?? "0") + 1n &&
    BigInt(entry.balanceAfter) === before + delta &&
    hash === digest("JournalEntry", body)
  );
}

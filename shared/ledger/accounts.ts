/**
 * Balances, and the part of them that holds claim. Every movement of money goes through here and writes a journal entry.
 *
 * Events of one transaction can be a group: what it pays to one account is one entry and one write of that account's row. Until then the
 * money is due. An account is never read while money is due to it: the read writes it first.
 */

import { keepNewest } from "../bounded.ts";
import type { Digest } from "../crypto/digest.ts";
import { MAX_AMOUNT, MAX_KNOWN_ACCOUNTS, OUTBOX_BATCH } from "../limits.ts";
import type { AccountId } from "../protocol/account.ts";
import type { Amount } from "../protocol/amount.ts";
import { integer, row, text } from "../row.ts";
import type { AccountState } from "../settlement/backend.ts";
import { appendEntries, batchDigest, type BatchOrigin, entryHash, type JournalEntry, readEntry } from "./journal.ts";
import { insertOf, invariant, type LedgerStore } from "./store.ts";
import type { Credit } from "./stream.ts";

/** What the journal says about a transfer. Only the debit names the mandate: what the payer's limits are is not the payee's affair. */
export type Cause = Required<Pick<JournalEntry, "transaction">> &
  Pick<JournalEntry, "authorizationDigest" | "requestDigest" | "mandate" | "cause" | "refundOf" | "session"> & {
    /** Unix seconds. */
    at: number;
  };

/** A journal entry to write. `account`: as it was just read. `at`: unix seconds. */
type Posting = { account: AccountState; delta: bigint; at: number } & Pick<
  JournalEntry,
  | "kind"
  | "counterparty"
  | "transaction"
  | "authorizationDigest"
  | "requestDigest"
  | "mandate"
  | "cause"
  | "refundOf"
  | "session"
  | "batch"
  | "transactions"
  | "credits"
>;

/** A payment that its payee's journal does not have yet. */
type Due = { payer: AccountId; value: Amount } & Omit<Cause, "mandate">;

/** A Durable Object's statement takes 100 values. An entry has 18. */
const ENTRIES_PER_STATEMENT = 5;

const UPSERT = insertOf(
  5,
  (rows) =>
    `INSERT INTO account (id, balance, held, journal_seq, journal_head) VALUES ${rows}
     ON CONFLICT (id) DO UPDATE SET balance = excluded.balance, held = excluded.held, journal_seq = excluded.journal_seq,
       journal_head = excluded.journal_head`,
);

const accountRow = row({ balance: text(), held: text(), journal_seq: integer(), journal_head: text<Digest>() });

const voidRow = row({ accesses_void_through: integer() });

export class Accounts {
  readonly #store: LedgerStore;
  readonly #ledger: Digest;
  /** A cache of accounts, as they were last read or written. After a rollback it is cleared: see `forget`. */
  readonly #known = new Map<AccountId, AccountState>();
  /** What the open group owes, by payee; undefined while none is open. */
  #due: Map<AccountId, Due[]> | undefined;
  #shard = 0;

  constructor(store: LedgerStore, ledger: Digest) {
    this.#store = store;
    this.#ledger = ledger;
  }

  /** An unknown account is empty. */
  read(id: AccountId): AccountState {
    this.#creditDue(id);
    return this.#current(id);
  }

  /** One entry of an account's chain, with who paid it if it is a batch. */
  entry(id: AccountId, seq: number): JournalEntry | undefined {
    this.#creditDue(id);
    return readEntry(this.#store, id, seq);
  }

  #current(id: AccountId): AccountState {
    const known = this.#known.get(id);
    if (known) return known;
    const account = this.#stored(id);
    this.#remember(account);
    return account;
  }

  /** Begins a group. Its caller has begun a transaction around it. @param shard this shard's number */
  openGroup(shard: number): void {
    invariant(this.#due === undefined, "one group at a time");
    this.#due = new Map();
    this.#shard = shard;
  }

  /** Writes everything that is due, and ends the group. */
  closeGroup(): void {
    const due = [...(this.#due ?? [])];
    this.#due = undefined;
    for (let i = 0; i < due.length; i += ENTRIES_PER_STATEMENT) this.#credit(due.slice(i, i + ENTRIES_PER_STATEMENT));
  }

  get isGroup(): boolean {
    return this.#due !== undefined;
  }

  /** Clears the cache, and ends the group. Callers do so after a rollback. */
  forget(): void {
    this.#known.clear();
    this.#due = undefined;
  }

  #remember(account: AccountState): void {
    keepNewest(this.#known, account.account, account, MAX_KNOWN_ACCOUNTS);
  }

  #stored(id: AccountId): AccountState {
    const [row] = this.#store.sql("SELECT balance, held, journal_seq, journal_head FROM account WHERE id = ?", id);
    if (!row) return { account: id, balance: "0", held: "0", journalSeq: 0, journalHead: this.#ledger };
    const { balance, held, journal_seq: journalSeq, journal_head: journalHead } = accountRow(row);
    return { account: id, balance, held, journalSeq, journalHead };
  }

  /** The second up to which accesses to the account's books are void; 0 if none are. */
  accessesVoidThrough(id: AccountId): number {
    const [row] = this.#store.sql("SELECT accesses_void_through FROM account WHERE id = ?", id);
    return row ? voidRow(row).accesses_void_through : 0;
  }

  /** Moves that second on, never back. The account must have a row. */
  voidAccesses(id: AccountId, through: number): void {
    this.#store.sql("UPDATE account SET accesses_void_through = MAX(accesses_void_through, ?) WHERE id = ?", through, id);
  }

  /** Claims part of a balance; a negative value gives it back. */
  hold(account: AccountState, value: bigint): void {
    this.#write([claimed(account, value)]);
  }

  /** Moves money between two accounts of this shard, with an entry in both journals: that of the payee of a payment, when the group ends. */
  transfer(from: AccountState, to: AccountId, value: Amount, { mandate, ...about }: Cause): void {
    const debit = debitOf(from, to, BigInt(value), { ...about, ...(mandate && { mandate }) });
    const due: Due = { payer: from.account, value, ...about };
    if (this.#due === undefined || about.cause !== undefined) return this.#post([debit, creditFor(this.read(to), due)]);
    this.#post([debit]);
    this.#owe(to, due);
  }

  #owe(to: AccountId, due: Due): void {
    const all = this.#due?.get(to) ?? [];
    all.push(due);
    this.#due?.set(to, all);
    if (all.length === OUTBOX_BATCH) this.#creditDue(to);
  }

  #creditDue(to: AccountId): void {
    const due = this.#due?.get(to);
    if (!due) return;
    this.#due?.delete(to);
    this.#credit([[to, due]]);
  }

  /** One payment is a credit like any other; several are a batch, as from another shard. */
  #credit(all: [to: AccountId, due: readonly Due[]][]): void {
    const postings = all.map(([to, due]) => {
      const [only] = due;
      if (only && due.length === 1) return creditFor(this.#current(to), only);
      const credits = due.map(({ payer, value, transaction }) => ({ payee: to, payer, value, transaction }));
      const range = { fromShard: String(this.#shard), first: "1", last: String(due.length) };
      return batchFor(this.#current(to), credits, range, Math.max(...due.map(({ at }) => at)));
    });
    this.#post(postings);
  }

  /** Debits money for an account of another shard. The caller puts the credit into the outbox. */
  debit(from: AccountState, to: AccountId, value: bigint, about: Cause): void {
    this.#post([debitOf(from, to, value, about)]);
  }

  /** Credits money from an account of another shard. */
  credit(to: AccountId, from: AccountId, value: bigint, about: Cause): void {
    this.#post([{ account: this.read(to), delta: value, kind: "credit", counterparty: from, ...about }]);
  }

  /** Credits several payments from another shard as one entry, which lists who made them if all of them say so. */
  creditBatch(to: AccountId, credits: readonly Credit[], range: Pick<BatchOrigin, "fromShard" | "first" | "last">, at: number): void {
    this.#post([batchFor(this.read(to), credits, range, at)]);
  }

  /** Writes the first entry of a chain: the whole supply, in the treasury, or what an account had on the ledger before. */
  mint(id: AccountId, value: bigint, about: Cause): void {
    this.#post([{ account: this.read(id), delta: value, kind: "genesis", counterparty: id, ...about }]);
  }

  /** Writes an entry for each of up to ENTRIES_PER_STATEMENT accounts, in as many statements as for one. */
  #post(postings: readonly Posting[]): void {
    const entries = postings.map(({ account, delta, kind, counterparty, at, ...about }) => {
      const balance = BigInt(account.balance) + delta;
      const moves = delta !== 0n || kind === "genesis"; // an account may have had money before, and none now
      invariant(moves && balance >= BigInt(account.held) && balance <= MAX_AMOUNT, `held <= balance <= u128 of ${account.account}`);
      const entry = {
        account: account.account,
        seq: String(account.journalSeq + 1),
        kind,
        ...(counterparty && { counterparty }),
        value: (delta < 0n ? -delta : delta).toString(),
        balanceAfter: balance.toString(),
        ...about,
        at: String(at),
        prevHash: account.journalHead,
      };
      return { ...entry, hash: entryHash(entry) };
    });
    appendEntries(this.#store, entries);
    this.#write(
      entries.map(({ account, seq, balanceAfter, hash }, i) => ({
        account,
        balance: balanceAfter,
        held: postings[i]?.account.held ?? "0",
        journalSeq: Number(seq),
        journalHead: hash,
      })),
    );
  }

  #write(accounts: readonly AccountState[]): void {
    this.#store.sql(
      UPSERT(accounts.length),
      ...accounts.flatMap(({ account, balance, held, journalSeq, journalHead }) => [account, balance, held, journalSeq, journalHead]),
    );
    for (const account of accounts) this.#remember(account);
  }
}

/** The account with `value` more of its balance claimed; less if negative. */
export function claimed(account: AccountState, value: bigint): AccountState {
  const held = BigInt(account.held) + value;
  invariant(held >= 0n && held <= BigInt(account.balance), `0 <= held <= balance of ${account.account}`);
  return { ...account, held: held.toString() };
}

/** Whether the account has never held money. */
export function isUnknown({ journalSeq }: AccountState): boolean {
  return journalSeq === 0;
}

/** The part of the balance that no hold claims, in atomic units. */
export function available({ balance, held }: AccountState): bigint {
  return BigInt(balance) - BigInt(held);
}

function debitOf(from: AccountState, to: AccountId, value: bigint, about: Cause): Posting {
  invariant(from.account !== to, "payer and payee differ");
  return { account: from, delta: -value, kind: "debit", counterparty: to, ...about };
}

function creditFor(account: AccountState, { payer: counterparty, value, ...about }: Due): Posting {
  return { account, delta: BigInt(value), kind: "credit", counterparty, ...about };
}

/** Several payments as one entry, which lists who made them if all of them say so. */
function batchFor(
  account: AccountState,
  credits: readonly Credit[],
  range: Pick<BatchOrigin, "fromShard" | "first" | "last">,
  at: number,
): Posting {
  const transactions = credits.map(({ transaction }) => transaction);
  const sum = credits.reduce((sum, { value }) => sum + BigInt(value), 0n);
  const batch = { ...range, count: String(credits.length), transactions: batchDigest(transactions) };
  const paid = credits.flatMap(({ transaction, payer, value }) => (payer ? [{ transaction, payer, value }] : []));
  const known = paid.length === credits.length && { credits: paid };
  return { account, delta: sum, kind: "batch", batch, transactions, ...known, at };
}

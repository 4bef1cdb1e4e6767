/** The journal: one hash chain per account. Its owner can verify it with the ledger's id alone. */

import { type Digest, digest } from "../crypto/digest.ts";
import { MAX_CREDITS_SEARCHED, MAX_ENTRIES_SEARCHED } from "../limits.ts";
import type { AccountId } from "../protocol/account.ts";
import type { Amount } from "../protocol/amount.ts";
import { integer, nullable, oneOf, row, text } from "../row.ts";
import { insertOf, type LedgerStore, type Row } from "./store.ts";

/** Why money moved, if not for a payment. */
export const ENTRY_CAUSES = ["claim", "refund", "transfer"] as const;
export type EntryCause = (typeof ENTRY_CAUSES)[number];

/** One step of an account's chain. `hash` = digest("JournalEntry", all the other members but `transactions` and `credits`). */
export interface JournalEntry {
  account: AccountId;
  /** 1, 2, 3 … without gaps, as a decimal string. */
  seq: string;
  /** `batch`: the sum of several payments, from another shard or of one group. Claims, refunds and transfers are credits of their own. */
  kind: "genesis" | "debit" | "credit" | "batch";
  /** Absent in a batch, like `transaction`. */
  counterparty?: AccountId;
  value: string;
  balanceAfter: string;
  authorizationDigest?: Digest;
  requestDigest?: Digest;
  /** Of a debit: the mandate that it was paid under. */
  mandate?: Digest;
  transaction?: Digest;
  /** Absent for a payment. */
  cause?: EntryCause;
  /** Of a refund: the transaction that it gives back, or a part of it. */
  refundOf?: Digest;
  /** Of a claim: the session that it was taken out of. */
  session?: Digest;
  batch?: BatchOrigin;
  /** Unix seconds of the ledger's clock, as a decimal string. */
  at: string;
  /** The hash of the entry before; of the first entry, the ledger's id. */
  prevHash: Digest;
  hash: Digest;
  /** The payments of a batch. Not hashed into the chain: `batch.transactions` is. */
  transactions?: Digest[];
  /** Who paid them, for readers that ask. Not hashed either: each transaction follows from what its payer signed. */
  credits?: BatchedCredit[];
}

/** One payment of a batch. Credits that an earlier version queued do not say who paid, and their batch lists none. */
export type BatchedCredit = { transaction: Digest; payer: AccountId; value: Amount };

/**
 * The origin of a batch: this account's part of the credits `first` to `last` of a stream. From the account's own shard it is a group, in
 * which its credits are number 1 to `count`. Decimal strings.
 */
export type BatchOrigin = {
  fromShard: string;
  first: string;
  last: string;
  count: string;
  /** `batchDigest` of the transactions, in order. */
  transactions: Digest;
};

/** The entry that a chain continues from. */
export type Link = Pick<JournalEntry, "seq" | "hash" | "balanceAfter">;

/** A page of a chain. */
export interface JournalPage {
  /** Oldest first. The next page follows the last entry's seq; a page without entries is the end. */
  entries: JournalEntry[];
  /** The last pruned entry, if the page would begin before it: the first entry continues from it. */
  base?: Link;
}

export function batchDigest(transactions: readonly Digest[]): Digest {
  return digest("Batch", transactions);
}

/** Whether `entry` follows `previous` (undefined for the first entry) in its account's chain, and has the right hash. */
export function continuesChain(entry: JournalEntry, previous: Link | undefined, ledger: Digest): boolean {
  const { hash, transactions } = entry;
  const before = BigInt(previous?.balanceAfter ?? "0");
  const delta = entry.kind === "debit" ? -BigInt(entry.value) : BigInt(entry.value);
  return (
    entry.prevHash === (previous?.hash ?? ledger) &&
    BigInt(entry.seq) === BigInt(previous?.seq ?? "0") + 1n &&
    BigInt(entry.balanceAfter) === before + delta &&
    (transactions === undefined || batchDigest(transactions) === entry.batch?.transactions) &&
    hash === entryHash(entry)
  );
}

/** The hash of an entry. A batch's lists are not part of it: `batch.transactions` is the hash of its transactions. */
export function entryHash(entry: Omit<JournalEntry, "hash"> & { hash?: Digest }): Digest {
  const { hash: _, transactions: __, credits: ___, ...body } = entry;
  return digest("JournalEntry", body);
}

const APPEND = insertOf(
  18,
  (rows) =>
    `INSERT INTO journal (account, seq, kind, counterparty, value, balance_after, authorization_digest, request_digest, mandate, tx, cause, refund_of, session, batch, credits, at, prev_hash, hash)
     VALUES ${rows}`,
);

export function appendEntries(store: LedgerStore, entries: readonly JournalEntry[]): void {
  store.sql(
    APPEND(entries.length),
    ...entries.flatMap(({ batch, transactions, credits, ...entry }) => [
      entry.account,
      Number(entry.seq),
      entry.kind,
      entry.counterparty ?? null,
      entry.value,
      entry.balanceAfter,
      entry.authorizationDigest ?? null,
      entry.requestDigest ?? null,
      entry.mandate ?? null,
      entry.transaction ?? null,
      entry.cause ?? null,
      entry.refundOf ?? null,
      entry.session ?? null,
      batch ? JSON.stringify({ batch, transactions }) : null,
      credits ? JSON.stringify(credits.map(({ payer, value }) => [payer, value])) : null,
      Number(entry.at),
      entry.prevHash,
      entry.hash,
    ]),
  );
}

/**
 * A page of an account's chain, oldest first.
 * @param transactions the limit of transactions that the batches may list; a first entry above it is a page of its own
 * @param itemised lists who paid what of a batch
 */
export function readEntries(
  store: LedgerStore,
  account: AccountId,
  afterSeq: number,
  limit: number,
  transactions = Infinity,
  itemised = false,
): JournalEntry[] {
  const entries: JournalEntry[] = [];
  let left = transactions;
  for (const row of store.sql("SELECT * FROM journal WHERE account = ? AND seq > ? ORDER BY seq LIMIT ?", account, afterSeq, limit)) {
    const entry = itemised ? itemisedEntry(row) : journalEntry(row);
    left -= entry.transactions?.length ?? 0;
    if (left < 0 && entries.length > 0) break;
    entries.push(entry);
  }
  return entries;
}

/** One entry of an account's chain, with who paid it if it is a batch. */
export function readEntry(store: LedgerStore, account: AccountId, seq: number): JournalEntry | undefined {
  return store.sql("SELECT * FROM journal WHERE account = ? AND seq = ?", account, seq).map(itemisedEntry)[0];
}

/**
 * The credit of a payment, alone or in a batch, looked for as `findDebit` looks for a debit.
 * @param last the number of the account's last entry
 * @param from unix seconds before which the payment was not made
 */
export function findCredit(
  store: LedgerStore,
  account: AccountId,
  last: number,
  transaction: Digest,
  from: number,
): JournalEntry | undefined {
  for (const start of [firstAt(store, account, last, from), last - MAX_CREDITS_SEARCHED + 1]) {
    const [found] = store.sql(
      `SELECT * FROM journal WHERE account = ? AND seq >= ? AND seq < ? AND cause IS NULL
         AND (kind = 'credit' AND tx = ? OR kind = 'batch' AND instr(batch, ?) > 0) LIMIT 1`,
      account,
      start,
      start + MAX_CREDITS_SEARCHED,
      transaction,
      transaction,
    );
    if (found) return itemisedEntry(found);
  }
  return undefined;
}

/**
 * The debit of a payment, looked for among the entries from a time on, and among the newest: times along a chain fall where the
 * ledger restarted with an earlier clock.
 * @param last the number of the account's last entry
 * @param from unix seconds before which the payment was not made
 */
export function findDebit(
  store: LedgerStore,
  account: AccountId,
  last: number,
  transaction: Digest,
  from: number,
): JournalEntry | undefined {
  const starts = [firstAt(store, account, last, from), last - MAX_ENTRIES_SEARCHED + 1];
  for (const start of starts) {
    const [found] = store.sql(
      "SELECT * FROM journal WHERE account = ? AND seq >= ? AND seq < ? AND kind = 'debit' AND tx = ? LIMIT 1",
      account,
      start,
      start + MAX_ENTRIES_SEARCHED,
      transaction,
    );
    if (found) return journalEntry(found);
  }
  return undefined;
}

/** The number of the first entry that was written at `from` or later, by binary search. */
function firstAt(store: LedgerStore, account: AccountId, last: number, from: number): number {
  let [low, high] = [1, last + 1];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const [found] = store.sql("SELECT at FROM journal WHERE account = ? AND seq >= ? ORDER BY seq LIMIT 1", account, middle);
    if (found && atRow(found).at < from) low = middle + 1;
    else high = middle;
  }
  return low;
}

const atRow = row({ at: integer() });

const entryRow = row({
  account: text<AccountId>(),
  seq: integer(),
  kind: oneOf("genesis", "debit", "credit", "batch"),
  counterparty: nullable(text<AccountId>()),
  value: text(),
  balance_after: text(),
  authorization_digest: nullable(text<Digest>()),
  request_digest: nullable(text<Digest>()),
  mandate: nullable(text<Digest>()),
  tx: nullable(text<Digest>()),
  cause: nullable(oneOf(...ENTRY_CAUSES)),
  refund_of: nullable(text<Digest>()),
  session: nullable(text<Digest>()),
  batch: nullable(text()),
  at: integer(),
  prev_hash: text<Digest>(),
  hash: text<Digest>(),
});

/** An entry, from its row. @throws {TypeError} when a column has another type */
export function journalEntry(found: Row): JournalEntry {
  const { counterparty, authorization_digest, request_digest, mandate, tx, cause, refund_of, session, batch, ...row } = entryRow(found);
  return {
    account: row.account,
    seq: String(row.seq),
    kind: row.kind,
    ...(counterparty !== null && { counterparty }),
    value: row.value,
    balanceAfter: row.balance_after,
    ...(authorization_digest !== null && { authorizationDigest: authorization_digest }),
    ...(request_digest !== null && { requestDigest: request_digest }),
    ...(mandate !== null && { mandate }),
    ...(tx !== null && { transaction: tx }),
    ...(cause !== null && { cause }),
    ...(refund_of !== null && { refundOf: refund_of }),
    ...(session !== null && { session }),
    at: String(row.at),
    prevHash: row.prev_hash,
    hash: row.hash,
    ...(batch !== null && (JSON.parse(batch) as Pick<JournalEntry, "batch" | "transactions">)),
  };
}

const creditsRow = row({ credits: nullable(text()) });

/** An entry; if it is a batch that knows who paid it, with them. */
export function itemisedEntry(found: Row): JournalEntry {
  const entry = journalEntry(found);
  const { credits } = creditsRow(found);
  if (credits === null || !entry.transactions) return entry;
  const paid = JSON.parse(credits) as [payer: AccountId, value: Amount][];
  const list = entry.transactions.flatMap((transaction, i): BatchedCredit[] => {
    const [payer, value] = paid[i] ?? [];
    return payer && value ? [{ transaction, payer, value }] : [];
  });
  return { ...entry, credits: list };
}

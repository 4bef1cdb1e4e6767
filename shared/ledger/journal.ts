/** The journal: one hash chain per account, which its owner can check alone. */
import type { AccountId } from "../protocol/account.ts";
import { type Digest, digest } from "../crypto/digest.ts";
import { insertOf, type LedgerStore, type Row } from "./store.ts";

/** One step of an account's chain. `hash` = digest("JournalEntry", all the other members but `transactions`). */
export interface JournalEntry {
  account: AccountId;
  /** 1, 2, 3 … without gaps, as a decimal string. */
  seq: string;
  /** `batch`: the sum of several payments from another shard. */
  kind: "genesis" | "debit" | "credit" | "batch";
  /** Absent in a batch, like `transaction`. */
  counterparty?: AccountId;
  value: string;
  balanceAfter: string;
  authorizationDigest?: Digest;
  requestDigest?: Digest;
  transaction?: Digest;
  batch?: BatchOrigin;
  /** Unix seconds of the ledger's clock, as a decimal string. */
  at: string;
  /** The hash of the entry before; of the first entry, the ledger's id. */
  prevHash: Digest;
  hash: Digest;
  /** The payments of a batch. Not hashed into the chain: `batch.transactions` is. */
  transactions?: Digest[];
}

/** Where the money of a batch came from: those of the credits `first` to `last` of a stream that are this account's. Decimal strings. */
export type BatchOrigin = {
  fromShard: string;
  first: string;
  last: string;
  count: string;
  /** `batchDigest` of the transactions, in order. */
  transactions: Digest;
};

/** What a chain goes on from. */
export type Link = Pick<JournalEntry, "seq" | "hash" | "balanceAfter">;

/** A page of a chain. */
export interface JournalPage {
  /** Oldest first; the next page is after the last one's seq. Only a page without entries is the end. */
  entries: JournalEntry[];
  /** The last entry that was pruned, when the page would have begun before it: what the first entry goes on from. */
  base?: Link;
}

export function batchDigest(transactions: readonly Digest[]): Digest {
  return digest("Batch", transactions);
}

/** Whether `entry` follows `previous` (undefined for the first) in its account's chain, and hashes to what it says. */
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

/** What binds an entry to its chain. What a batch lists beside its own hash of it is not hashed again. */
export function entryHash(entry: Omit<JournalEntry, "hash"> & { hash?: Digest }): Digest {
  const { hash: _, transactions: __, ...body } = entry;
  return digest("JournalEntry", body);
}

const APPEND = insertOf(
  13,
  (rows) =>
    `INSERT INTO journal (account, seq, kind, counterparty, value, balance_after, authorization_digest, request_digest, tx, batch, at, prev_hash, hash)
     VALUES ${rows}`,
);

export function appendEntries(store: LedgerStore, entries: readonly JournalEntry[]): void {
  store.sql(
    APPEND(entries.length),
    ...entries.flatMap(({ batch, transactions, ...entry }) => [
      entry.account,
      Number(entry.seq),
      entry.kind,
      entry.counterparty ?? null,
      entry.value,
      entry.balanceAfter,
      entry.authorizationDigest ?? null,
      entry.requestDigest ?? null,
      entry.transaction ?? null,
      batch ? JSON.stringify({ batch, transactions }) : null,
      Number(entry.at),
      entry.prevHash,
      entry.hash,
    ]),
  );
}

/**
 * A page of an account's chain, oldest first.
 * @param transactions how many the batches among them may list; a first entry that lists more is a page of its own
 */
export function readEntries(
  store: LedgerStore,
  account: AccountId,
  afterSeq: number,
  limit: number,
  transactions = Infinity,
): JournalEntry[] {
  const entries: JournalEntry[] = [];
  let left = transactions;
  for (const row of store.sql("SELECT * FROM journal WHERE account = ? AND seq > ? ORDER BY seq LIMIT ?", account, afterSeq, limit)) {
    const entry = journalEntry(row);
    left -= entry.transactions?.length ?? 0;
    if (left < 0 && entries.length > 0) break;
    entries.push(entry);
  }
  return entries;
}

function journalEntry(row: Row): JournalEntry {
  return {
    account: row["account"] as AccountId,
    seq: String(row["seq"]),
    kind: row["kind"] as JournalEntry["kind"],
    ...(row["counterparty"] !== null && { counterparty: row["counterparty"] as AccountId }),
    value: String(row["value"]),
    balanceAfter: String(row["balance_after"]),
    ...(row["authorization_digest"] !== null && { authorizationDigest: row["authorization_digest"] as Digest }),
    ...(row["request_digest"] !== null && { requestDigest: row["request_digest"] as Digest }),
    ...(row["tx"] !== null && { transaction: row["tx"] as Digest }),
    at: String(row["at"]),
    prevHash: row["prev_hash"] as Digest,
    hash: row["hash"] as Digest,
    ...(row["batch"] !== null && (JSON.parse(String(row["batch"])) as Pick<JournalEntry, "batch" | "transactions">)),
  };
}

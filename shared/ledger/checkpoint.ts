/**
 * Checkpoints: the ledger signs what an account's chain had come to at an entry. One that an operator asked for, who has
 * exported the chain up to there, lets what it covers be pruned once it is old: whoever has the export can still check
 * everything, from the first entry on. One that anybody asked for changes nothing.
 */
import type { AccountId } from "../account.ts";
import { type Digest, digest } from "../digest.ts";
import { verifyDigest } from "../ed25519.ts";
import { JOURNAL_RETENTION_SECONDS, PRUNE_BATCH } from "../limits.ts";
import type { JournalEntry, Link } from "./journal.ts";
import type { LedgerStore, Row } from "./store.ts";

/** All strings, so that it can be hashed as it is. */
export type Checkpoint = {
  ledger: Digest;
  account: AccountId;
  /** The last entry that it covers, as a decimal string. */
  seq: string;
  /** That entry's hash. */
  head: Digest;
  /** Atomic units after that entry. */
  balance: string;
  /** Unix seconds of the ledger's clock, as a decimal string. */
  at: string;
};

export interface SignedCheckpoint {
  checkpoint: Checkpoint;
  /** Of the ledger's operator: 64 hex digits. */
  publicKey: string;
  /** Over digest("Checkpoint", checkpoint): 128 hex digits. */
  signature: string;
}

/** @param now unix seconds of the ledger's clock */
export function checkpointOf(ledger: Digest, { account, seq, hash, balanceAfter }: JournalEntry, now: number): Checkpoint {
  return { ledger, account, seq, head: hash, balance: balanceAfter, at: String(now) };
}

export function checkpointDigest(checkpoint: Checkpoint): Digest {
  return digest("Checkpoint", checkpoint);
}

/** Whether the holder of `publicKey` signed it. Compare the key with the operator's: anybody can sign with their own. */
export function isGenuineCheckpoint({ checkpoint, publicKey, signature }: SignedCheckpoint): Promise<boolean> {
  return verifyDigest(signature, checkpointDigest(checkpoint), publicKey);
}

/** Remembers that the chain was exported up to `link`; an earlier checkpoint than the last changes nothing. */
export function recordCheckpoint(store: LedgerStore, account: AccountId, { seq }: Link): void {
  store.sql(
    "INSERT INTO checkpoint (account, seq) VALUES (?, ?) ON CONFLICT (account) DO UPDATE SET seq = max(seq, excluded.seq)",
    account,
    Number(seq),
  );
}

/** Where the account's journal begins now: the last entry that was pruned. Undefined while it is whole. */
export function journalBase(store: LedgerStore, account: AccountId): Link | undefined {
  const [row] = store.sql("SELECT base_seq, base_hash, base_balance FROM checkpoint WHERE account = ? AND base_seq > 0", account);
  return row && { seq: String(row["base_seq"]), hash: row["base_hash"] as Digest, balanceAfter: String(row["base_balance"]) };
}

/**
 * Drops old entries that a checkpoint covers, a bounded batch of them.
 * @returns true when there may be more
 */
export function pruneJournal(store: LedgerStore, now: number): boolean {
  let left = PRUNE_BATCH;
  for (const { account, seq } of store.sql("SELECT account, seq FROM checkpoint WHERE seq > base_seq")) {
    const entries = coveredEntries(store, String(account), Number(seq), now - JOURNAL_RETENTION_SECONDS, left);
    const last = entries.at(-1);
    if (!last) continue;
    store.sql("DELETE FROM journal WHERE account = ? AND seq <= ?", String(account), Number(last["seq"]));
    store.sql(
      "UPDATE checkpoint SET base_seq = ?, base_hash = ?, base_balance = ? WHERE account = ?",
      Number(last["seq"]),
      String(last["hash"]),
      String(last["balance_after"]),
      String(account),
    );
    left -= entries.length;
    if (left === 0) return true;
  }
  return false;
}

/**
 * The oldest entries up to number `seq`, as far as all of them were made before `before`. Behind a young entry there may be
 * older ones: a restart with an earlier clock sets times back. They wait for it, or the chain would have a hole.
 */
function coveredEntries(store: LedgerStore, account: string, seq: number, before: number, limit: number): Row[] {
  const entries = store.sql(
    "SELECT seq, at, hash, balance_after FROM journal WHERE account = ? AND seq <= ? ORDER BY seq LIMIT ?",
    account,
    seq,
    limit,
  );
  const young = entries.findIndex(({ at }) => Number(at) >= before);
  return young === -1 ? entries : entries.slice(0, young);
}

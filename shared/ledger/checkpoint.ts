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

/** @param now unix seconds of the ledger's clock. After a restart it can be behind the entry: nothing is attested before it was written. */
export function checkpointOf(ledger: Digest, { account, seq, hash, balanceAfter, at }: JournalEntry, now: number): Checkpoint {
  return { ledger, account, seq, head: hash, balance: balanceAfter, at: String(Math.max(now, Number(at))) };
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
 * Looks at the next PRUNE_BATCH exported chains in the order of their accounts, and drops old entries that a checkpoint covers: of
 * so many entries in all. A chain that has none, as most have, costs a look at its first.
 * @param after the account at which the last look ended; "" begins a round
 * @returns the account at which this one did; undefined when the round is finished
 */
export function pruneJournal(store: LedgerStore, now: number, after: string): string | undefined {
  const before = now - JOURNAL_RETENTION_SECONDS;
  const chains = store.sql("SELECT account, seq FROM checkpoint WHERE account > ? ORDER BY account LIMIT ?", after, PRUNE_BATCH);
  let left = PRUNE_BATCH;
  let done = after;
  for (const chain of chains) {
    const { account } = chain;
    const [oldest] = coveredEntries(store, chain, 1);
    if (oldest && Number(oldest["at"]) < before) {
      const entries = coveredEntries(store, chain, left);
      prune(store, String(account), leading(entries, before));
      left -= entries.length;
      if (left === 0) return done; // this chain may have more
    }
    done = String(account);
  }
  return chains.length === PRUNE_BATCH ? done : undefined;
}

function prune(store: LedgerStore, account: string, entries: readonly Row[]): void {
  const last = entries.at(-1);
  if (!last) return;
  store.sql("DELETE FROM journal WHERE account = ? AND seq <= ?", account, Number(last["seq"]));
  store.sql(
    "UPDATE checkpoint SET base_seq = ?, base_hash = ?, base_balance = ? WHERE account = ?",
    Number(last["seq"]),
    String(last["hash"]),
    String(last["balance_after"]),
    account,
  );
}

/** The oldest entries that the chain's checkpoint covers. */
function coveredEntries(store: LedgerStore, { account, seq }: Row, limit: number): Row[] {
  return store.sql(
    "SELECT seq, at, hash, balance_after FROM journal WHERE account = ? AND seq <= ? ORDER BY seq LIMIT ?",
    String(account),
    Number(seq),
    limit,
  );
}

/**
 * The first of these entries, as far as all of them were made before `before`. Behind a young entry there may be older ones: a
 * restart with an earlier clock sets times back. They wait for it, or the chain would have a hole.
 */
function leading(entries: readonly Row[], before: number): readonly Row[] {
  const young = entries.findIndex(({ at }) => Number(at) >= before);
  return young === -1 ? entries : entries.slice(0, young);
}

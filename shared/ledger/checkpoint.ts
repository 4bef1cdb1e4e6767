/**
 * Checkpoints: the ledger signs the hash and balance of an account's chain at an entry. An operator requests one after exporting
 * the chain up to there; the covered entries are pruned once they are old (pruning.ts), and the export still verifies from the
 * first entry on. A checkpoint that another caller requests changes nothing.
 */

import { type Digest, digest } from "../crypto/digest.ts";
import { verifyDigest } from "../crypto/ed25519.ts";
import type { AccountId } from "../protocol/account.ts";
import type { JournalEntry } from "./journal.ts";

/** All members are strings, so that it is hashed as it is. */
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
  /** The ledger operator's key: 64 hex digits. */
  publicKey: string;
  /** Over digest("Checkpoint", checkpoint): 128 hex digits. */
  signature: string;
}

/** @param now unix seconds of the ledger's clock. After a restart it can be earlier than the entry: the later time counts. */
export function checkpointOf(ledger: Digest, { account, seq, hash, balanceAfter, at }: JournalEntry, now: number): Checkpoint {
  return { ledger, account, seq, head: hash, balance: balanceAfter, at: String(Math.max(now, Number(at))) };
}

export function checkpointDigest(checkpoint: Checkpoint): Digest {
  return digest("Checkpoint", checkpoint);
}

/** Whether the holder of `publicKey` signed it. The caller must compare the key with the operator's. */
export function isGenuineCheckpoint({ checkpoint, publicKey, signature }: SignedCheckpoint): Promise<boolean> {
  return verifyDigest(signature, checkpointDigest(checkpoint), publicKey);
}

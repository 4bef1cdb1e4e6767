/**
 * Checkpoints: the ledger signs what an account's chain had come to at an entry. One that an operator asked for, who has
 * exported the chain up to there, lets what it covers be pruned once it is old (pruning.ts): whoever has the export can still
 * check everything, from the first entry on. One that anybody asked for changes nothing.
 */
import type { AccountId } from "../protocol/account.ts";
import { type Digest, digest } from "../crypto/digest.ts";
import { verifyDigest } from "../crypto/ed25519.ts";
import type { JournalEntry } from "./journal.ts";

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

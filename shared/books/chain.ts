/** What is checked of an account's books: each entry of the chain, its head, and the signature under it. Pure: it is given what was read. */

import type { Digest } from "../crypto/digest.ts";
import { isGenuineCheckpoint, type SignedCheckpoint } from "../ledger/checkpoint.ts";
import { batchDigest, continuesChain, entryHash, type JournalEntry, type Link } from "../ledger/journal.ts";
import type { AccountId } from "../protocol/account.ts";

/** Whose chain it is, and on which ledger. */
export interface Chain {
  account: AccountId;
  ledger: Digest;
}

/** The first entry that differs, by its number, and how. */
export interface Difference {
  entry: string;
  problem: string;
}

/**
 * @param previous the entry before the first of them; undefined if that is the account's first
 * @returns undefined if each entry continues the one before and has the hash of what it says
 */
export function firstDifference(
  entries: readonly JournalEntry[],
  previous: Link | undefined,
  { account, ledger }: Chain,
): Difference | undefined {
  let before = previous;
  for (const entry of entries) {
    const expected = String(BigInt(before?.seq ?? "0") + 1n);
    // Named by its place in the chain: its own number may be what was changed.
    if (entry.account !== account || !continuesChain(entry, before, ledger))
      return { entry: expected, problem: problemOf(entry, expected, before, { account, ledger }) };
    before = entry;
  }
  return undefined;
}

function problemOf(entry: JournalEntry, expected: string, before: Link | undefined, { account, ledger }: Chain): string {
  if (entry.account !== account) return "it is of another account";
  if (entry.seq !== expected) return `in its place is entry ${entry.seq}`;
  if (entry.transactions !== undefined && batchDigest(entry.transactions) !== entry.batch?.transactions)
    return "the transactions of its batch are not those of its digest";
  if (entryHash(entry) !== entry.hash) return "it does not have the hash of what it says";
  if (entry.prevHash !== (before?.hash ?? ledger))
    return before ? "it does not name the entry before it" : "it does not begin with the ledger's id";
  return "its balance does not follow from the one before";
}

/** The end of a chain, as its ledger names it. `balance`: atomic units. */
export interface ChainHead {
  seq: number;
  hash: Digest;
  balance: string;
}

/** Whether the chain ends where the facilitator says that the account stands. @param last undefined for a chain without entries */
export function headDifference({ seq, hash, balance }: ChainHead, last: Link | undefined, ledger: Digest): Difference | undefined {
  const entry = String(seq);
  if ((last?.seq ?? "0") !== entry) return { entry, problem: `the journal ends after entry ${last?.seq ?? "0"}` };
  if ((last?.hash ?? ledger) !== hash) return { entry, problem: "its hash is not the head that the facilitator names" };
  if ((last?.balanceAfter ?? "0") !== balance) return { entry, problem: "its balance is not the one that the facilitator names" };
  return undefined;
}

/** `unsigned`: the ledger has no key, and could show another history to others. */
export type Signature = { state: "good"; publicKey: string } | { state: "unsigned" } | { state: "differs"; problem: string };

/**
 * The ledger's signature under the chain's last entry.
 * @param signed undefined if the ledger showed none
 * @param checkpointKey the ledger's key, as the facilitator names it
 */
export async function signatureUnder(
  last: Link,
  signed: SignedCheckpoint | undefined,
  chain: Chain,
  checkpointKey: string | undefined,
): Promise<Signature> {
  if (!signed && checkpointKey === undefined) return { state: "unsigned" };
  if (!signed) return { state: "differs", problem: "the ledger names a key, and shows no signature of it" };
  const problem = await checkpointProblem(signed, last, chain, checkpointKey);
  return problem === undefined ? { state: "good", publicKey: signed.publicKey } : { state: "differs", problem };
}

/** What is wrong with the signature under the chain's last entry; undefined if the ledger's key signed that entry. */
export async function checkpointProblem(
  signed: SignedCheckpoint,
  last: Link,
  { account, ledger }: Chain,
  checkpointKey: string | undefined,
): Promise<string | undefined> {
  const { checkpoint, publicKey } = signed;
  if (checkpoint.ledger !== ledger) return "it is of another ledger";
  if (checkpoint.account !== account) return "it is of another account";
  if (checkpoint.seq !== last.seq || checkpoint.head !== last.hash || checkpoint.balance !== last.balanceAfter)
    return "what it signs is not the last entry";
  if (publicKey !== checkpointKey) return "its key is not the one that the ledger names";
  return (await isGenuineCheckpoint(signed)) ? undefined : "the signature does not fit";
}

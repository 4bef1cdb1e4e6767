/** A part of one account's book in evidence: entries of its chain without gaps, and the checkpoint that the ledger signed under the last. */

import { type Finding, right, wrong } from "../checklist/check.ts";
import { isGenuineCheckpoint, type SignedCheckpoint } from "../ledger/checkpoint.ts";
import { continuesChain, type JournalEntry } from "../ledger/journal.ts";
import { unknownKey } from "./check.ts";
import type { Evidence } from "./evidence.ts";
import type { KnownKeys } from "./keys.ts";

/** `at`: the member of the file that it is, as `ledger`. */
export interface Book {
  at: string;
  entries: readonly JournalEntry[];
  checkpoint: SignedCheckpoint;
}

export function bookOf(at: string, { entries, checkpoint }: NonNullable<Evidence["ledger"]>): Book {
  return { at, entries: entries as readonly JournalEntry[], checkpoint };
}

export function judgeChain({ at, entries, checkpoint: { checkpoint } }: Book): Finding {
  const broken = entries.findIndex((entry, i) => {
    const previous = i === 0 ? before(entry) : entries[i - 1];
    return entry.account !== entries[0]?.account || !continuesChain(entry, previous, checkpoint.ledger);
  });
  return broken < 0
    ? right(`${entries.length} ${entries.length === 1 ? "entry" : "entries"}`)
    : wrong("the chain breaks here", `${at}.entries.${broken}`);
}

export function judgeHead({ at, entries, checkpoint: { checkpoint } }: Book): Finding {
  const last = entries.at(-1);
  const expected = { account: last?.account, seq: last?.seq, head: last?.hash, balance: last?.balanceAfter };
  const other = (Object.keys(expected) as (keyof typeof expected)[]).find((member) => checkpoint[member] !== expected[member]);
  return other ? wrong(`${other} is not the last entry's`, `${at}.checkpoint.checkpoint.${other}`) : right(`entry ${checkpoint.seq}`);
}

export async function judgeCheckpoint({ at, checkpoint }: Book): Promise<Finding> {
  return (await isGenuineCheckpoint(checkpoint))
    ? right(`${checkpoint.publicKey} signed it`)
    : wrong("the signature does not fit the checkpoint", `${at}.checkpoint`);
}

export function judgeLedgerKey({ at, checkpoint: { publicKey, checkpoint } }: Book, keys: KnownKeys): Finding {
  const known = keys.ledgers?.[checkpoint.ledger] ?? [];
  if (known.includes(publicKey)) return right(publicKey);
  return known.length > 0
    ? wrong("no known key of this ledger signed it", `${at}.checkpoint.publicKey`)
    : unknownKey(`unknown key ${publicKey} of ledger ${checkpoint.ledger}`);
}

/** What the first entry goes on from, by its own word: the entry before it is not in the file, and its hash is. */
function before({ kind, seq, prevHash, balanceAfter, value }: JournalEntry) {
  const delta = kind === "debit" ? BigInt(value) : -BigInt(value);
  return { seq: String(BigInt(seq) - 1n), hash: prevHash, balanceAfter: String(BigInt(balanceAfter) + delta) };
}

/** What must hold of the ledger's part of evidence, whatever it paid: its chain is whole, and a known key signed under its last entry. */

import { type Book, bookOf, judgeChain, judgeCheckpoint, judgeHead, judgeLedgerKey } from "./book.ts";
import type { PointCheck } from "./check.ts";
import type { Evidence } from "./evidence.ts";
import type { KnownKeys } from "./keys.ts";

export const CHECKPOINT = "ledger.checkpoint";

interface BookContext {
  ledger: Evidence["ledger"];
  keys: KnownKeys;
}

/** @throws {TypeError} in a file without the part "ledger": checks of it are skipped there */
export function ledgerBook({ ledger }: Pick<BookContext, "ledger">): Book {
  if (!ledger) throw new TypeError("this evidence has no part of the ledger's");
  return bookOf("ledger", ledger);
}

export const BOOK_CHECKS: readonly PointCheck<BookContext, "ledger">[] = [
  {
    id: "ledger.chain",
    title: "every entry hashes to what it says, and follows the one before",
    about: "ledger.entries",
    part: "ledger",
    judge: (context) => judgeChain(ledgerBook(context)),
  },
  {
    id: "ledger.head",
    title: "the checkpoint is of the last entry",
    about: CHECKPOINT,
    part: "ledger",
    after: ["ledger.chain"],
    judge: (context) => judgeHead(ledgerBook(context)),
  },
  {
    id: "ledger.signature",
    title: "the checkpoint's own key signed it",
    about: CHECKPOINT,
    part: "ledger",
    judge: (context) => judgeCheckpoint(ledgerBook(context)),
  },
  {
    id: "ledger.key-known",
    title: "that key is known to be the ledger's",
    about: `${CHECKPOINT}.publicKey`,
    part: "ledger",
    after: ["ledger.signature"],
    judge: (context) => judgeLedgerKey(ledgerBook(context), context.keys),
  },
];

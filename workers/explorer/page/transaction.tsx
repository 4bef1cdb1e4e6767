/** A transaction in one account's books, and what each of its parties can prove of it. */

import type { JournalEntry } from "../../../shared/ledger/journal.ts";
import type { AccountId } from "../../../shared/protocol/account.ts";
import { Empty, Heading, Id, Loading, Trouble } from "../../desk/page/parts.tsx";
import type { Reader } from "./client.ts";
import { EntryFacts } from "./entry.tsx";
import { isExpected, type Known } from "./known-key.tsx";
import { linkTo } from "./router.ts";
import { useBooks } from "./use-books.ts";
import { Verdict } from "./verdict.tsx";

interface TransactionProps {
  reader: Reader;
  account: AccountId;
  transaction: string;
  known: Known;
}

export function TransactionPage({ reader, account, transaction, known }: TransactionProps) {
  const { books, problem, more, again } = useBooks(reader, account);
  const found = books?.entries.filter((entry) => isAbout(entry, transaction)) ?? [];
  const searched = books && books.state !== "reading";
  return (
    <div class="narrow">
      <a class="back" href={linkTo({ page: "account", account })}>
        ← Account
      </a>
      <Heading>Transaction</Heading>
      <p>
        <Id text={transaction} />
      </p>
      {problem && <Trouble problem={problem} again={again} />}
      {!books && !problem && <Loading />}
      {books && <Verdict books={books} more={more} known={known} />}
      {searched && found.length === 0 && (
        <Empty title="This account's books have no such transaction">
          {books.state === "whole"
            ? "Only its payer's and its payee's books have it: open the account of one of them. Pruned entries are not searched."
            : "Not all of them were searched: what is above says why."}
        </Empty>
      )}
      {found.map((entry) => (
        <section key={entry.seq}>
          <EntryFacts entry={entry} />
        </section>
      ))}
      {found[0] && <Proofs entry={found[0]} signed={books?.signature?.state === "good" && isExpected(books.signature.publicKey, known)} />}
    </div>
  );
}

/** The transaction itself, a batch that it is in, and refunds of it. */
function isAbout({ transaction, refundOf, transactions }: JournalEntry, wanted: string): boolean {
  return transaction === wanted || refundOf === wanted || transactions?.some((each) => each === wanted) === true;
}

function Proofs({ entry, signed }: { entry: JournalEntry; signed: boolean }) {
  return (
    <section>
      <h2>What can be proved</h2>
      <ul class="checks">
        <li class={signed ? "pass" : "unchecked"}>
          <span class="mark" aria-hidden="true">
            {signed ? "✓" : "–"}
          </span>
          <span>
            {signed
              ? "That this account's books have it: the chain from here ends at an entry that the ledger signed."
              : "That this account's books have it: by the chain alone, without a signature of the ledger."}
          </span>
        </li>
        <li class="unchecked">
          <span class="mark" aria-hidden="true">
            –
          </span>
          <span>
            {entry.kind === "debit"
              ? "The payer can prove what was bought, and that it was approved: lez-agent-pay receipt export writes the evidence. Present it under Evidence."
              : "The payee can prove what was sold and delivered: lez-agent-pay sales export writes the register. This page has not checked it."}
          </span>
        </li>
        {entry.kind === "batch" && (
          <li class="unchecked">
            <span class="mark" aria-hidden="true">
              –
            </span>
            <span>It is one of a batch: the chain proves that it is in it, and the sum, not its own amount.</span>
          </li>
        )}
      </ul>
    </section>
  );
}

/** What this page has checked of an account's books, and what it found. */

import type { Signature } from "../../../shared/books/chain.ts";
import { Id, Trouble } from "../../desk/page/parts.tsx";
import { isExpected, KeyCheck, type Known } from "./known-key.tsx";
import type { Books } from "./read-books.ts";

export function Verdict({ books, more, known }: { books: Books; more: () => void; known: Known }) {
  const { state, entries, base, difference, signature, problem, account } = books;
  const read = entries.length + Number(base?.seq ?? 0);
  return (
    <div class="verdicts">
      {difference && (
        <div class="differs" role="alert">
          <p class="title">These books do not add up: entry {difference.entry} differs</p>
          <p>
            Entry {difference.entry}: {difference.problem}. Do not rely on it, nor on anything after it. Keep what the facilitator answers,
            and ask the ledger's operator for an audit.
          </p>
        </div>
      )}
      {state === "reading" && (
        <p class="note" role="status">
          Checking the journal: {read} of {account.journalSeq} entries…
        </p>
      )}
      {state === "whole" && (
        <p class="note good" role="status">
          {account.journalSeq === 0
            ? "This account has no entries: nothing was ever paid into it."
            : `This page computed the chain again: ${entries.length === 1 ? "1 entry" : `${entries.length} entries`}, and the balance, add up.`}
        </p>
      )}
      {base && <p class="note">Entries up to {base.seq} were pruned by the operator. What is checked begins behind them.</p>}
      {signature && <Signed signature={signature} known={known} />}
      {problem && <Trouble problem={problem} again={more} />}
      {state === "paused" && !problem && (
        <div class="note warn">
          <p>
            Checked so far: {read} of {account.journalSeq} entries. The rest is not checked.
          </p>
          <button type="button" class="plain" onClick={more}>
            Check on
          </button>
        </div>
      )}
    </div>
  );
}

function Signed({ signature, known }: { signature: Signature; known: Known }) {
  if (signature.state === "unsigned") return <p class="note warn">This ledger signs nothing: it could show another history to others.</p>;
  if (signature.state === "differs")
    return (
      <div class="differs" role="alert">
        <p class="title">The ledger's signature does not count</p>
        <p>The signature under the last entry: {signature.problem}. Do not rely on these books.</p>
      </div>
    );
  return (
    <div class={isExpected(signature.publicKey, known) ? "note good" : "note warn"}>
      <p>The ledger signed the last entry. Compare its key with the one that you know: this page has it from the facilitator.</p>
      <p>
        <Id text={signature.publicKey} />
      </p>
      <KeyCheck shown={signature.publicKey} known={known} />
    </div>
  );
}

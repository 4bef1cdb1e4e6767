/** An account: what it has, what is held, and its journal, newest first. */

import { useState } from "preact/hooks";
import type { AccountId } from "../../../shared/protocol/account.ts";
import { displayAmount } from "../../../shared/protocol/amount.ts";
import { Empty, Heading, Id, Loading, Trouble } from "../../desk/page/parts.tsx";
import type { Reader } from "./client.ts";
import { EntryRow } from "./entry.tsx";
import type { Known } from "./known-key.tsx";
import type { Books } from "./read-books.ts";
import { useBooks } from "./use-books.ts";
import { Verdict } from "./verdict.tsx";

const ROWS = 50;

export function AccountPage({ reader, account, known }: { reader: Reader; account: AccountId; known: Known }) {
  const { books, problem, more, again } = useBooks(reader, account);
  return (
    <div>
      <Heading>Account</Heading>
      <p>
        <Id text={account} />
      </p>
      {problem && <Trouble problem={problem} again={again} />}
      {!books && !problem && <Loading />}
      {books && (
        <>
          <Funds books={books} />
          <Verdict books={books} more={more} known={known} />
          <Journal books={books} />
        </>
      )}
    </div>
  );
}

/** `balance` has what can be spent; what is held stands beside it. */
function Funds({ books: { account } }: { books: Books }) {
  return (
    <div class="sum funds">
      <span class="label">Balance, as the facilitator says</span>
      <span class="figure">{displayAmount(account.balance)}</span>
      {account.held !== "0" && <p class="quiet">{displayAmount(account.held)} of it is held for payments under way and open sessions.</p>}
    </div>
  );
}

function Journal({ books: { entries, state } }: { books: Books }) {
  const [page, setPage] = useState(0);
  if (entries.length === 0)
    return state === "whole" ? <Empty title="No entries">Money that is paid to this account appears here.</Empty> : null;
  const pages = Math.ceil(entries.length / ROWS);
  const end = entries.length - page * ROWS;
  const shown = entries.slice(Math.max(0, end - ROWS), end).toReversed();
  return (
    <section aria-labelledby="journal">
      <h2 id="journal">Journal: what was checked, newest first</h2>
      <ul class="rows entries">
        {shown.map((entry) => (
          <EntryRow key={entry.seq} entry={entry} />
        ))}
      </ul>
      {pages > 1 && (
        <div class="turn">
          <button type="button" class="plain" disabled={page === 0} onClick={() => setPage(page - 1)}>
            Newer
          </button>
          <span class="quiet" role="status">
            page {page + 1} of {pages}
          </span>
          <button type="button" class="plain" disabled={page === pages - 1} onClick={() => setPage(page + 1)}>
            Older
          </button>
        </div>
      )}
    </section>
  );
}

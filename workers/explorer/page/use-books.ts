/** An account's books as a page reads them: from the start, and on when its reader asks. */

import { useCallback, useEffect, useState } from "preact/hooks";
import type { AccountId } from "../../../shared/protocol/account.ts";
import type { Problem, Reader } from "./client.ts";
import { type Books, openBooks, readOn } from "./read-books.ts";

export interface Reading {
  books?: Books | undefined;
  /** Why there are no books at all. */
  problem?: Problem | undefined;
  /** Reads on. */
  more: () => void;
  /** Reads everything again. */
  again: () => void;
}

export function useBooks(reader: Reader, account: AccountId): Reading {
  const [round, setRound] = useState({ from: undefined as Books | undefined });
  const [state, setState] = useState<{ books?: Books; problem?: Problem }>({});
  useEffect(() => {
    let over = false;
    const read = async () => {
      const opened = round.from ? { books: round.from } : await openBooks(reader, account);
      if (over) return;
      setState(opened);
      if (!("books" in opened)) return;
      for await (const books of readOn(reader, account, opened.books)) {
        if (over) return;
        setState({ books });
      }
    };
    void read();
    return () => {
      over = true;
    };
  }, [reader, account, round]);
  const { books } = state;
  return {
    ...state,
    more: useCallback(() => setRound({ from: books }), [books]),
    again: useCallback(() => setRound({ from: undefined }), []),
  };
}

/** Where one types an account, and the transaction that is looked for in its books. */

import { useState } from "preact/hooks";
import { parseAccountId } from "../../../shared/protocol/account.ts";
import { Heading } from "../../desk/page/parts.tsx";
import { linkTo } from "./router.ts";

const TRANSACTION = /^[0-9a-f]{64}$/;

/** @param badLink the link had something that could not be read */
export function Home({ badLink }: { badLink: boolean }) {
  const [account, setAccount] = useState("");
  const [transaction, setTransaction] = useState("");
  const [problem, setProblem] = useState<string>();
  const look = (event: Event) => {
    event.preventDefault();
    const parsed = parseAccountId(account.trim());
    const wanted = transaction.trim().toLowerCase();
    if (!parsed.ok) return setProblem("This is no account: it has 43 or 44 letters and digits.");
    if (wanted !== "" && !TRANSACTION.test(wanted)) return setProblem("This is no transaction: it has 64 hex digits.");
    const route = { account: parsed.account, transaction: wanted };
    location.hash = linkTo(wanted === "" ? { ...route, page: "account" } : { ...route, page: "transaction" });
  };
  return (
    <div class="narrow look">
      <Heading>Explorer</Heading>
      {badLink && (
        <div class="note bad" role="alert">
          <p>This link cannot be read: a part of it is missing. Print another: lez-agent-pay explore</p>
        </div>
      )}
      <p>
        Read an account's books. This page computes the chain of its entries again, and checks the ledger's signature. Where the books are
        closed, <code>lez-agent-pay explore</code> prints a link with a key for an hour.
      </p>
      <form onSubmit={look} noValidate>
        <div class="field">
          <label for="account">Account</label>
          <input
            id="account"
            type="text"
            autocomplete="off"
            spellcheck={false}
            value={account}
            aria-describedby={problem === undefined ? undefined : "problem"}
            onInput={(event) => setAccount(event.currentTarget.value)}
          />
        </div>
        <div class="field">
          <label for="transaction">Transaction in its books, if you look for one</label>
          <input
            id="transaction"
            type="text"
            autocomplete="off"
            spellcheck={false}
            value={transaction}
            onInput={(event) => setTransaction(event.currentTarget.value)}
          />
        </div>
        {problem !== undefined && (
          <p id="problem" class="note bad" role="alert">
            {problem}
          </p>
        )}
        <button type="submit" class="main">
          Look
        </button>
      </form>
    </div>
  );
}

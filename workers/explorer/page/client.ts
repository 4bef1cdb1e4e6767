/** Reads of the facilitator that serves this page. The access and its key live in this object and nowhere else. */

import { type Answers, readAnswer } from "../../../shared/books/answers.ts";
import type { AccountId } from "../../../shared/protocol/account.ts";
import { authorizeRead, type SignedAccess } from "../../../shared/protocol/books-access.ts";
import type { WalletSigner } from "../../../shared/protocol/signer.ts";
import { formatTimestamp, unixNow } from "../../../shared/time.ts";

export interface Problem {
  /** `away`: no answer. `closed`: the books are. `absent`: there is no such thing. `refused`: everything else. */
  code: "away" | "closed" | "absent" | "refused";
  message: string;
  hint?: string;
}

export type Answer<Data> = { ok: true; data: Data } | { ok: false; problem: Problem };

/** What the pages read with. */
export interface Reader {
  get<Name extends keyof Answers>(path: string, name: Name, account?: AccountId): Promise<Answer<Answers[Name]>>;
}

const AWAY: Problem = {
  code: "away",
  message: "The facilitator does not answer.",
  hint: "Is this machine online? Try again in a moment.",
};
const BUSY: Problem = { code: "refused", message: "The facilitator is busy.", hint: "Try again in a minute." };
const STRANGE: Problem = {
  code: "refused",
  message: "The facilitator answers with something that is no part of a ledger's books.",
  hint: "Do not rely on what it shows.",
};

export class Client implements Reader {
  readonly #books: { signed: SignedAccess; reader: WalletSigner } | undefined;

  constructor(books?: { signed: SignedAccess; reader: WalletSigner }) {
    this.#books = books;
  }

  async get<Name extends keyof Answers>(path: string, name: Name, account?: AccountId): Promise<Answer<Answers[Name]>> {
    try {
      const access = this.#books?.signed.access.account === account ? this.#books : undefined;
      const headers = access && { Authorization: await authorizeRead(access.signed, access.reader, { method: "GET", path }) };
      const response = await fetch(path, { ...(headers && { headers }), cache: "no-store", credentials: "omit", redirect: "error" });
      if (!response.ok) return { ok: false, problem: this.#refusal(response.status, account) };
      const read = readAnswer(name, new Uint8Array(await response.arrayBuffer()));
      return read.ok ? { ok: true, data: read.value } : { ok: false, problem: STRANGE };
    } catch {
      return { ok: false, problem: AWAY };
    }
  }

  #refusal(status: number, account: AccountId | undefined): Problem {
    if (status === 401 && account !== undefined) return this.#closed(account);
    if (status === 401) return { code: "closed", message: "This is for the ledger's operator." };
    if (status === 404) return { code: "absent", message: "There is nothing of that name here." };
    if (status === 429 || status === 503) return BUSY;
    return { code: "refused", message: `The facilitator answers ${status}.` };
  }

  #closed(account: AccountId): Problem {
    const hint = `On the machine of the account's owner, type: lez-agent-pay explore ${account}. Then open the link that it prints.`;
    const access = this.#books?.signed.access;
    if (access?.account !== account)
      return {
        code: "closed",
        message: "The books of this account are closed to this page: it has no access that their owner signed.",
        hint,
      };
    const end = Number(access.validBefore);
    const message =
      unixNow() > end ? `The access to these books ended at ${formatTimestamp(end)}.` : "The facilitator does not take this page's access.";
    return { code: "closed", message, hint };
  }
}

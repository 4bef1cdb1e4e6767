/** The one queue of what is signed on this page: one object after another, each shown on a sheet while the passkey is asked. */

import { useEffect, useRef, useState } from "preact/hooks";
import type { Shown } from "../../../../shared/desk/desk-facts.ts";
import type { KeptPasskey } from "../../../../shared/desk/hosted-api.ts";
import type { PasskeyProof } from "../../../../shared/protocol/passkey.ts";
import type { Problem, Result } from "../client.ts";
import { Trouble } from "../parts.tsx";
import { Facts } from "../request-parts.tsx";
import { failed, provePasskey } from "./passkey.ts";
import { shownOf, type ToProve } from "./to-prove.ts";

interface Question {
  what: ToProve;
  shown: Shown;
  passkeys: readonly KeptPasskey[];
  settle: (result: Result<PasskeyProof>) => void;
}

export class SigningQueue {
  readonly #questions: Question[] = [];
  /** Told of the question that is now the first. */
  onFirst: (first: Question | undefined) => void = () => undefined;

  /** Shows the object and asks one of the passkeys. Resolves when the owner has signed it or does not want to. */
  ask(what: ToProve, passkeys: readonly KeptPasskey[]): Promise<Result<PasskeyProof>> {
    const shown = shownOf(what);
    if (!shown) return Promise.resolve(failed("This page cannot show it, so it is not signed."));
    return new Promise((resolve) => {
      const settle = (result: Result<PasskeyProof>) => {
        this.#questions.splice(this.#questions.indexOf(question), 1);
        this.onFirst(this.#questions[0]);
        resolve(result);
      };
      const question = { what, shown, passkeys, settle };
      this.#questions.push(question);
      if (this.#questions.length === 1) this.onFirst(question);
    });
  }
}

export function SigningSheet({ queue }: { queue: SigningQueue }) {
  const [first, setFirst] = useState<Question | undefined>();
  useEffect(() => {
    queue.onFirst = setFirst;
  }, [queue]);
  return first ? <Sheet key={first.shown} question={first} /> : null;
}

function Sheet({ question: { what, shown, passkeys, settle } }: { question: Question }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [problem, setProblem] = useState<Problem | undefined>();
  const [round, setRound] = useState(0);
  useEffect(() => dialog.current?.showModal(), []);
  useEffect(() => {
    const asking = new AbortController();
    setProblem(undefined);
    // The sheet is on the screen before the passkey is asked.
    const frame = setTimeout(async () => {
      const result = await provePasskey(what, passkeys, asking.signal);
      if (asking.signal.aborted) return;
      if (result.ok) settle(result);
      else setProblem(result.error);
    }, SHEET_MILLIS);
    return () => {
      clearTimeout(frame);
      asking.abort();
    };
  }, [round]);
  const leave = () => settle(failed("Nothing was signed."));
  return (
    <dialog ref={dialog} class="sheet" aria-labelledby="sheet" onCancel={(event) => (event.preventDefault(), leave())}>
      <h2 id="sheet">{shown.title}</h2>
      <Facts facts={shown.facts} />
      {problem ? (
        <>
          <Trouble problem={problem} />
          <button type="button" class="main" onClick={() => setRound((n) => n + 1)}>
            Try again
          </button>
        </>
      ) : (
        <p class="quiet" role="status">
          Confirm it with your passkey…
        </p>
      )}
      <button type="button" class="plain wide" onClick={leave}>
        Not now
      </button>
    </dialog>
  );
}

const SHEET_MILLIS = 30;

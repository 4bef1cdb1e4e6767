/** The ledger's key as the reader knows it from elsewhere, typed or from the link. What the facilitator names is compared with it. */

import { useState } from "preact/hooks";
import { publicKeySchema } from "../../../shared/crypto/bytes.ts";
import { checkShape } from "../../../shared/text/json.ts";
import { Id } from "../../desk/page/parts.tsx";

/** Kept while the page is open, and nowhere else. */
export interface Known {
  /** 64 hex digits. */
  key?: string | undefined;
  set: (key: string | undefined) => void;
}

/** Whether nothing speaks against the key. */
export function isExpected(shown: string, { key }: Known): boolean {
  return key === undefined || key === shown;
}

/** @param shown the key as the facilitator names it */
export function KeyCheck({ shown, known }: { shown: string; known: Known }) {
  const [typed, setTyped] = useState("");
  const [problem, setProblem] = useState(false);
  if (known.key === shown) return <p class="checked good">✓ It is the key that you know.</p>;
  if (known.key !== undefined)
    return (
      <div class="differs" role="alert">
        <p class="title">This is not the key that you know</p>
        <p>Another ledger, or another server, signs here. You know:</p>
        <p>
          <Id text={known.key} />
        </p>
        <button type="button" class="plain" onClick={() => known.set(undefined)}>
          Compare with another key
        </button>
      </div>
    );
  const compare = (event: Event) => {
    event.preventDefault();
    const key = checkShape(typed.trim().toLowerCase(), publicKeySchema);
    setProblem(!key.ok);
    if (key.ok) known.set(key.value);
  };
  return (
    <form class="known" onSubmit={compare} noValidate>
      <div class="field">
        <label for="known">The key that you know, from its operator</label>
        <input
          id="known"
          type="text"
          autocomplete="off"
          spellcheck={false}
          value={typed}
          aria-describedby={problem ? "known-problem" : undefined}
          onInput={(event) => setTyped(event.currentTarget.value)}
        />
      </div>
      {problem && (
        <p id="known-problem" class="note bad" role="alert">
          This is no key: it has 64 hex digits.
        </p>
      )}
      <button type="submit" class="plain">
        Compare
      </button>
    </form>
  );
}

/** The owner's decision about a request: yes with what the owner proves it with, or no with a reason that the agent can act on. */

import { useEffect, useRef, useState } from "preact/hooks";
import type { DeclineCode, RequestItem } from "../../../shared/desk/api.ts";
import { MAX_NOTE_LENGTH } from "../../../shared/limits.ts";
import { isRightAnswer, type RequiredAnswer, requiredAnswer, wrongAnswerText } from "../../../shared/screen/answer.ts";
import { duration } from "../../../shared/screen/duration.ts";
import { approvalFacts } from "../../../shared/screen/facts.ts";
import { amountOf } from "./amount.ts";
import type { Problem } from "./client.ts";
import { Field, take } from "./field.tsx";
import type { Owner, PageReading } from "./owner.ts";
import { hostOf, Id, Trouble } from "./parts.tsx";
import { linkTo } from "./router.ts";

interface DecisionProps {
  owner: Owner;
  item: RequestItem;
  /** Seconds in which it can be approved. */
  left: number;
  decided: (notes: string[]) => void;
  /** Absent if the request cannot be approved: it can still be declined. */
  reading?: PageReading;
  expiresIn?: number | undefined;
  setExpiresIn?: (seconds: number | undefined) => void;
  readAgain?: () => void;
}

export function Decision(props: DecisionProps) {
  const [declining, setDeclining] = useState(props.reading === undefined);
  const { owner, item, reading, left, decided } = props;
  if (left === 0) {
    return (
      <aside class="decision">
        <h2>Too late</h2>
        <p role="status">This request expired while it was open. Nothing was signed.</p>
      </aside>
    );
  }
  if (owner.elsewhere) {
    return (
      <aside class="decision" aria-label="Your decision">
        {owner.elsewhere(item, decided)}
      </aside>
    );
  }
  return (
    <aside class="decision" aria-label="Your decision">
      {reading && !declining ? (
        <Approve {...props} reading={reading} decline={() => setDeclining(true)} />
      ) : (
        <Decline {...props} back={reading ? () => setDeclining(false) : undefined} />
      )}
    </aside>
  );
}

const TYPED = {
  amount: "Type the amount or the short code",
  code: "Type the short code",
} as const satisfies Partial<Record<RequiredAnswer, string>>;

const WHY = {
  amount: "It is a large amount.",
  code: "Something about this request is not proved, or cannot be read.",
} as const satisfies Partial<Record<RequiredAnswer, string>>;

/** Ends of validity that an owner may choose, in seconds. */
const SHORTER = [60, 300, 900, 3600] as const;

function Approve(props: DecisionProps & { reading: PageReading; decline: () => void }) {
  const { owner, item, reading, decided, decline, readAgain, expiresIn, setExpiresIn } = props;
  const { view, partial } = reading;
  const sealed = owner.proof === "passphrase";
  const [typed, setTyped] = useState("");
  const passphrase = useRef<HTMLInputElement>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | undefined>();
  const required = requiredAnswer(view);
  const host = hostOf(view.request.http.url);
  const offered = Number(view.request.payment.maxTimeoutSeconds);

  const approve = async (event: Event) => {
    event.preventDefault();
    if (busy) return;
    if (!isRightAnswer(view, typed)) {
      setProblem({ code: "typed", message: wrongAnswerText(required) });
      return;
    }
    const secret = take(passphrase.current);
    setBusy(true);
    setProblem(undefined);
    const answer = await owner.approve(reading, { typed, ...(sealed && { passphrase: secret }) });
    setBusy(false);
    if (answer.ok) return decided(answer.data.notes);
    setProblem(answer.error);
    if (answer.error.code === "keystore_locked") passphrase.current?.focus();
  };

  return (
    <form onSubmit={(event) => void approve(event)} autocomplete="off">
      <h2>Your decision</h2>
      <Decisive view={view} />
      {partial && (
        <p class="note good" role="status">
          {partial.proofs.length} of {partial.threshold} keys have signed this. Yours is added to the same one.
        </p>
      )}
      {setExpiresIn && !partial && !view.session && SHORTER.some((seconds) => seconds < offered) && (
        <Field label="Valid after you sign">
          {(id) => (
            <select
              id={id}
              value={String(expiresIn ?? "")}
              onChange={({ currentTarget: { value } }) => setExpiresIn(value === "" ? undefined : Number(value))}
            >
              <option value="">for {duration(offered)}, as offered</option>
              {SHORTER.filter((seconds) => seconds < offered).map((seconds) => (
                <option key={seconds} value={seconds}>
                  for {duration(seconds)}
                </option>
              ))}
            </select>
          )}
        </Field>
      )}
      {required !== "yes" && (
        <Field label={TYPED[required]} hint={WHY[required]}>
          {(id, hint) => (
            <input
              id={id}
              aria-describedby={hint}
              type="text"
              value={typed}
              autocomplete="off"
              autocapitalize="characters"
              spellcheck={false}
              onInput={({ currentTarget }) => setTyped(currentTarget.value)}
            />
          )}
        </Field>
      )}
      {sealed && (
        <Field label="Passphrase of your key">
          {(id) => <input id={id} ref={passphrase} type="password" required autocomplete="off" spellcheck={false} />}
        </Field>
      )}
      {problem && <Trouble problem={problem} again={problem.code === "reading_expired" ? readAgain : undefined} />}
      <button type="submit" class="main" disabled={busy}>
        {busy
          ? "Signing…"
          : `${view.session ? "Set aside" : "Pay"} ${amountOf(item)}${owner.proof === "passkey" ? " with my passkey" : ""}`}
        <span class="visually-hidden"> to {host}</span>
      </button>
      <button type="button" class="plain wide" disabled={busy} onClick={decline}>
        Decline…
      </button>
      {owner.grants && !view.session && (
        <a class="plain wide" href={linkTo({ page: "grant", request: item.requestDigest })}>
          Grant an allowance instead…
        </a>
      )}
      <p class="quiet small">Leaving this page decides nothing.</p>
    </form>
  );
}

/** Where the summary is not beside it, it is said again: long texts push it off the screen. */
function Decisive({ view }: { view: PageReading["view"] }) {
  return (
    <dl class="facts compact decisive">
      {approvalFacts(view).decisive.map(({ label, value }) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>{label === "Account" ? <Id text={value} /> : <b>{value}</b>}</dd>
        </div>
      ))}
    </dl>
  );
}

export const REASONS: Record<DeclineCode, string> = {
  too_expensive: "Too expensive",
  not_needed: "Not needed",
  wrong_payee: "Wrong payee",
  unclear_reason: "The reason is not clear",
  duplicate: "Asked before",
  policy: "Against our rules",
  other: "Another reason",
};

interface DeclineProps extends Pick<DecisionProps, "item" | "decided"> {
  owner: Pick<Owner, "proof" | "decline">;
  back: (() => void) | undefined;
}

export function Decline({ owner, item, decided, back }: DeclineProps) {
  const [code, setCode] = useState<DeclineCode | undefined>();
  const [note, setNote] = useState("");
  const [signs, setSigns] = useState(false);
  const sealed = owner.proof === "passphrase";
  const passphrase = useRef<HTMLInputElement>(null);
  const first = useRef<HTMLInputElement>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | undefined>();
  useEffect(() => (back ? first.current?.focus() : undefined), []);

  const decline = async (event: Event) => {
    event.preventDefault();
    if (busy || code === undefined) return;
    const secret = signs && sealed ? take(passphrase.current) : undefined;
    setBusy(true);
    const text = note.trim();
    const answer = await owner.decline(item, {
      code,
      ...(text !== "" && { note: text }),
      ...(secret !== undefined && { passphrase: secret }),
    });
    setBusy(false);
    if (answer.ok) decided(answer.data.notes);
    else setProblem(answer.error);
  };

  return (
    <form onSubmit={(event) => void decline(event)} autocomplete="off">
      <fieldset>
        <legend>
          <h2>Why not?</h2>
        </legend>
        {(Object.entries(REASONS) as [DeclineCode, string][]).map(([value, text], i) => (
          <label key={value} class="choice">
            <input
              ref={i === 0 ? first : null}
              type="radio"
              name="code"
              value={value}
              required
              checked={code === value}
              onChange={() => setCode(value)}
            />
            {text}
          </label>
        ))}
      </fieldset>
      <Field label="A note for the agent" hint={`May be empty. At most ${MAX_NOTE_LENGTH} characters.`}>
        {(id, hint) => (
          <textarea
            id={id}
            aria-describedby={hint}
            rows={2}
            maxLength={MAX_NOTE_LENGTH}
            value={note}
            onInput={({ currentTarget }) => setNote(currentTarget.value)}
          />
        )}
      </Field>
      {sealed && (
        <label class="choice">
          <input type="checkbox" checked={signs} onChange={({ currentTarget }) => setSigns(currentTarget.checked)} />
          Sign it with my key
        </label>
      )}
      {signs && sealed && (
        <Field label="Passphrase of your key">
          {(id) => <input id={id} ref={passphrase} type="password" required autocomplete="off" spellcheck={false} />}
        </Field>
      )}
      {problem && <Trouble problem={problem} />}
      <button type="submit" class="main danger" disabled={busy}>
        {busy ? "Declining…" : "Decline (final)"}
      </button>
      {back && (
        <button type="button" class="plain wide" disabled={busy} onClick={back}>
          Back
        </button>
      )}
    </form>
  );
}

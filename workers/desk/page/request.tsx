/** One request. If it waits: everything that the owner reads before a yes, and the decision. Else: what became of it. */

import { useRef, useState } from "preact/hooks";
import type { DeclineCode, RequestItem } from "../../../shared/desk/api.ts";
import { approvalFacts, type ApprovalFacts, type Fact } from "../../../shared/screen/facts.ts";
import type { ApprovalView } from "../../../shared/screen/view.ts";
import { approvalWarnings } from "../../../shared/screen/warnings.ts";
import { amountOf } from "./amount.ts";
import type { Client, Problem } from "./client.ts";
import { Decision, REASONS } from "./decision.tsx";
import { Field, take } from "./field.tsx";
import { State } from "./inbox.tsx";
import type { Owner } from "./owner.ts";
import { Foreign, Heading, hostOf, Id, Loading, Notes, Time, TimeLeft, Trouble, useSecondsLeft } from "./parts.tsx";
import { useReading } from "./reading.ts";
import { linkTo } from "./router.ts";
import { FRESH_MILLIS, useCall } from "./use-call.ts";

interface RequestProps {
  client: Client;
  owner: Owner;
  request: string;
}

export function RequestPage({ client, owner, request }: RequestProps) {
  const { data, problem, reload } = useCall(client, "request", { request }, FRESH_MILLIS);
  const [said, setSaid] = useState<string[]>([]);
  return (
    <>
      <a class="back" href={linkTo({ page: "inbox" })}>
        ← Inbox
      </a>
      {problem && !data && <Heading>Request</Heading>}
      {problem && <Trouble problem={problem} again={reload} />}
      {!data && !problem && <Loading />}
      {data?.state === "pending" && (
        <Waiting
          owner={owner}
          item={data}
          notes={said}
          decided={(notes) => {
            setSaid(notes);
            reload();
          }}
        />
      )}
      {data && data.state !== "pending" && (
        <Decided
          owner={owner}
          item={data}
          notes={said}
          decided={(notes) => {
            setSaid(notes);
            reload();
          }}
        />
      )}
    </>
  );
}

interface WaitingProps {
  owner: Owner;
  item: RequestItem;
  decided: (notes: string[]) => void;
}

function Waiting({ owner, item, notes, decided: finish }: WaitingProps & { notes: readonly string[] }) {
  const [expiresIn, setExpiresIn] = useState<number | undefined>();
  const { reading, problem, again } = useReading(owner, item.requestDigest, expiresIn);
  const left = useSecondsLeft(item.expiresInSeconds, item.requestDigest);
  /** It still waits where more keys of a policy are to sign it: the page then reads what has been signed. */
  const decided = (said: string[]) => {
    finish(said);
    again();
  };
  if (!reading) {
    return (
      <>
        <Heading>
          {amountOf(item)} to <Foreign text={hostOf(item.url)} />
        </Heading>
        {problem ? (
          <Trouble problem={problem} again={again} />
        ) : (
          <p class="quiet" role="status">
            Asking the merchant whether these are its terms…
          </p>
        )}
        {problem && <Decision owner={owner} item={item} left={left} decided={decided} />}
      </>
    );
  }
  const { view } = reading;
  const facts = approvalFacts(view);
  return (
    <div class="split">
      <article>
        <Summary facts={facts} view={view} left={left} />
        <Notes notes={notes} />
        <Warnings warnings={approvalWarnings(view)} />
        <Said title="The agent says" paragraphs={facts.agentSays} quote />
        {facts.agentSends.length > 0 && <Said title="The agent sends" paragraphs={facts.agentSends} />}
        <Said title="The merchant says" paragraphs={facts.merchantSays} />
        <section aria-labelledby="facts">
          <h2 id="facts">What you would sign</h2>
          <Facts facts={facts.facts} />
        </section>
      </article>
      <Decision
        owner={owner}
        item={item}
        left={left}
        decided={decided}
        reading={reading}
        expiresIn={expiresIn}
        setExpiresIn={setExpiresIn}
        readAgain={again}
      />
    </div>
  );
}

function Summary({ facts, view, left }: { facts: ApprovalFacts; view: ApprovalView; left: number }) {
  const [sum, ...others] = facts.decisive;
  const host = others.find(({ label }) => label === "To");
  const account = others.find(({ label }) => label === "Account");
  const confirmed = view.host.kind === "confirmed";
  return (
    <header class="summary">
      <p class="codes">
        <span class="code" translate={false}>
          <span class="visually-hidden">Short code </span>
          {facts.shortCode}
        </span>
        <TimeLeft seconds={left} />
      </p>
      <Heading class="sum">
        <span class="label">{sum?.label}</span> <span class="figure">{sum?.value}</span>
        <span class="payee">
          to <Foreign text={host?.value ?? ""} />
        </span>
      </Heading>
      <p class="to-account">
        <span class="quiet">Account</span> <Id text={account?.value ?? ""} />
      </p>
      <p class={confirmed ? "checked good" : "checked bad"}>
        {confirmed ? "✓ The merchant, asked just now, confirms these terms" : "✗ This host does not confirm these terms"}
      </p>
    </header>
  );
}

function Warnings({ warnings }: { warnings: readonly string[] }) {
  if (warnings.length === 0) return null;
  return (
    <section class="note warn" aria-labelledby="warnings">
      <h2 id="warnings">Look twice</h2>
      <ul class="list">
        {warnings.map((warning) => (
          <li key={warning}>{warning}</li>
        ))}
      </ul>
    </section>
  );
}

/** Paragraphs of a stranger. They were made safe where they were read. */
function Said({ title, paragraphs, quote = false }: { title: string; paragraphs: readonly string[]; quote?: boolean }) {
  const id = title.replaceAll(" ", "-").toLowerCase();
  return (
    <section class={quote ? "said first" : "said"} aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      <blockquote tabIndex={quote ? undefined : 0}>
        {paragraphs.map((paragraph, i) => (
          <p key={i}>
            <bdi class="foreign">{paragraph}</bdi>
          </p>
        ))}
      </blockquote>
    </section>
  );
}

export function Facts({ facts }: { facts: readonly Fact[] }) {
  return (
    <dl class="facts">
      {groups(facts).map(({ label, values }, i) => (
        <div key={i}>
          <dt>{label}</dt>
          {values.map(({ value, strong }, j) => (
            <dd key={j} class={strong ? "strong" : ""}>
              <bdi>{value}</bdi>
            </dd>
          ))}
        </div>
      ))}
    </dl>
  );
}

/** A fact without a label goes on with the one above. */
function groups(facts: readonly Fact[]): { label: string; values: Fact[] }[] {
  const groups: { label: string; values: Fact[] }[] = [];
  for (const fact of facts) {
    const last = groups.at(-1);
    if (fact.label === "" && last) last.values.push(fact);
    else groups.push({ label: fact.label, values: [fact] });
  }
  return groups;
}

function Decided({ owner, item, notes, decided }: WaitingProps & { notes: readonly string[] }) {
  const { decision, state } = item;
  return (
    <article class="narrow">
      <p class="codes">
        <span class="code" translate={false}>
          <span class="visually-hidden">Short code </span>
          {item.shortCode}
        </span>
        <State state={state} />
      </p>
      <Heading class="sum">
        <span class="figure">{amountOf(item)}</span>
        <span class="payee">
          to <Foreign text={hostOf(item.url)} />
        </span>
      </Heading>
      <p role="status">{WHAT_NOW[state]}</p>
      <Notes notes={notes} />
      <dl class="facts">
        <div>
          <dt>For</dt>
          <dd>
            <Foreign text={`${item.method} ${item.url}`} />
          </dd>
        </div>
        <div>
          <dt>Reason</dt>
          <dd>
            <Foreign text={item.reason} />
          </dd>
        </div>
        <div>
          <dt>Account</dt>
          <dd>
            <Id text={item.payTo} />
          </dd>
        </div>
        {decision && (
          <div>
            <dt>You said</dt>
            <dd>
              {decision.code}
              {decision.note !== undefined && (
                <>
                  : <Foreign text={decision.note} />
                </>
              )}{" "}
              <span class="quiet">
                <Time at={decision.decidedAt} />, {decision.signed ? "signed" : "not signed"}
              </span>
            </dd>
          </div>
        )}
        {item.refusal !== undefined && (
          <div>
            <dt>Refused</dt>
            <dd>
              <Foreign text={item.refusal} />
            </dd>
          </div>
        )}
        {item.mandate !== undefined && (
          <div>
            <dt>Allowance</dt>
            <dd>{item.mandate}; you were not asked</dd>
          </div>
        )}
      </dl>
      {state === "approved" && owner.takeBack && (
        <TakeBack owner={owner} item={item} takeBack={owner.takeBack.bind(owner)} decided={decided} />
      )}
      {(state === "paid" || state === "sent") && <a href={linkTo({ page: "receipt", request: item.requestDigest })}>Receipt</a>}
    </article>
  );
}

interface TakeBackProps {
  owner: Owner;
  item: RequestItem;
  takeBack: NonNullable<Owner["takeBack"]>;
  decided: (notes: string[]) => void;
}

/** Before the agent has used it: the ledger then pays it never. */
function TakeBack({ owner, item, takeBack, decided }: TakeBackProps) {
  const [open, setOpen] = useState(false);
  const [code, setCode] = useState<DeclineCode>("not_needed");
  const passphrase = useRef<HTMLInputElement>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | undefined>();
  const sealed = owner.proof === "passphrase";
  const send = async (event: Event) => {
    event.preventDefault();
    if (busy) return;
    const secret = take(passphrase.current);
    setBusy(true);
    setProblem(undefined);
    const answer = await takeBack(item, { code, ...(sealed && { passphrase: secret }) });
    setBusy(false);
    if (answer.ok) return decided(answer.data.notes);
    setProblem(answer.error);
    if (answer.error.code === "keystore_locked") passphrase.current?.focus();
  };
  if (!open)
    return (
      <button type="button" class="plain" onClick={() => setOpen(true)}>
        Take the approval back…
      </button>
    );
  return (
    <form class="decision" onSubmit={(event) => void send(event)} autocomplete="off">
      <h2>Take the approval back</h2>
      <p>Final: once the ledger has it, {amountOf(item)} can never be paid by this request. What was paid before stays paid.</p>
      <Field label="Why">
        {(id) => (
          <select id={id} value={code} onChange={({ currentTarget: { value } }) => setCode(value as DeclineCode)}>
            {Object.entries(REASONS).map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </select>
        )}
      </Field>
      {sealed && (
        <Field label="Passphrase of your key">
          {(id) => <input id={id} ref={passphrase} type="password" required autocomplete="off" spellcheck={false} />}
        </Field>
      )}
      {problem && <Trouble problem={problem} />}
      <button type="submit" class="main danger" disabled={busy}>
        {busy ? "Signing…" : "Take it back (final)"}
      </button>
      <button type="button" class="plain wide" disabled={busy} onClick={() => setOpen(false)}>
        Leave it approved
      </button>
    </form>
  );
}

const WHAT_NOW: Record<RequestItem["state"], string> = {
  pending: "",
  approved: "You approved it. The agent has not sent the payment yet.",
  declined: "You declined it. That is final.",
  cancelled: "The agent cancelled it.",
  expired: "It expired. It can no longer be paid.",
  revoked: "You took the approval back.",
  sent: "The payment was sent; its outcome is not known yet.",
  paid: "It is paid.",
  refused: "The payment was refused. Nothing was paid.",
};

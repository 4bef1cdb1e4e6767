/** One request. If it waits: everything that the owner reads before a yes, and the decision. Else: what became of it. */

import { useRef, useState } from "preact/hooks";
import type { DeclineCode, RequestItem } from "../../../shared/desk/api.ts";
import { isNativeNetwork } from "../../../shared/lez.ts";
import { approvalFacts } from "../../../shared/screen/facts.ts";
import { approvalWarnings } from "../../../shared/screen/warnings.ts";
import { amountOf } from "./amount.ts";
import type { Client, Problem } from "./client.ts";
import { Command } from "./command.tsx";
import { Decision, REASONS } from "./decision.tsx";
import { Field, take } from "./field.tsx";
import { State } from "./inbox.tsx";
import { OnChain } from "./on-chain.tsx";
import type { Owner } from "./owner.ts";
import { Foreign, Heading, hostOf, Id, Loading, Notes, Time, Trouble, useSecondsLeft } from "./parts.tsx";
import { useReading } from "./reading.ts";
import { Facts, Said, Summary, Warnings } from "./request-parts.tsx";
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
      {data?.state === "pending" && isNativeNetwork(data.network) && (
        <OnChain
          client={client}
          owner={owner}
          item={data}
          decided={(notes) => {
            setSaid(notes);
            reload();
          }}
        />
      )}
      {data?.state === "pending" && !isNativeNetwork(data.network) && (
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
        <Summary facts={facts} confirmed={view.host.kind === "confirmed"} left={left} />
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

function Decided({ owner, item, notes, decided }: WaitingProps & { notes: readonly string[] }) {
  const { decision, state } = item;
  const native = isNativeNetwork(item.network);
  return (
    <article class="narrow">
      <p class="codes">
        <span class="code" translate={false}>
          <span class="visually-hidden">Short code </span>
          {item.shortCode}
        </span>
        <State item={item} />
      </p>
      <Heading class="sum">
        <span class="figure">{amountOf(item)}</span>
        <span class="payee">
          to <Foreign text={hostOf(item.url)} />
        </span>
      </Heading>
      <p role="status">{item.decidedElsewhere ? ELSEWHERE : WHAT_NOW[state]}</p>
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
      {state === "approved" && native && (
        <>
          <p>To take the approval back, type this at a terminal: a key of the chain signs it.</p>
          <Command text={`lez-agent-pay revoke ${item.shortCode}`} />
        </>
      )}
      {state === "approved" && !native && owner.takeBack && (
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

const ELSEWHERE = "It no longer waits: it was decided at a terminal, or its agent took it back. This desk is not told which.";

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

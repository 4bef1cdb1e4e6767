/** The mandates: what agents may spend without asking, as bars, and the button that ends it. */

import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import type { MandateItem, MandateList } from "../../../shared/desk/api.ts";
import type { ProposedMandate } from "../../../shared/desk/hosted-api.ts";
import { displayAmount } from "../../../shared/protocol/amount.ts";
import { ANY } from "../../../shared/protocol/mandate.ts";
import { duration } from "../../../shared/screen/duration.ts";
import type { Money } from "../../../shared/screen/money.ts";
import { bars } from "./bars.ts";
import type { Client, Problem } from "./client.ts";
import { Field, take } from "./field.tsx";
import type { Owner } from "./owner.ts";
import { Empty, Foreign, Heading, Id, Loading, Notes, Time, Trouble } from "./parts.tsx";
import { linkTo } from "./router.ts";
import { useCall } from "./use-call.ts";

const FRESH_ALLOWANCES_MILLIS = 5000;

interface AllowancesProps {
  owner: Owner;
}

export function Allowances({ client, owner }: AllowancesProps & { client: Client }) {
  const [all, setAll] = useState(false);
  const { data, problem, reload } = useCall(client, "mandates", { all }, FRESH_ALLOWANCES_MILLIS);
  const [notes, setNotes] = useState<string[]>([]);
  const revoked = (said: string[]) => {
    setNotes(said);
    reload();
  };
  return (
    <>
      <div class="head">
        <Heading>Allowances</Heading>
        <label class="choice inline">
          <input type="checkbox" checked={all} onChange={({ currentTarget }) => setAll(currentTarget.checked)} />
          Also those that are over
        </label>
      </div>
      <p class="quiet">Within an allowance an agent pays without asking you.</p>
      <Notes notes={notes} />
      {problem && <Trouble problem={problem} again={reload} />}
      {!data && !problem && <Loading />}
      {data && <List owner={owner} data={data} revoked={revoked} />}
    </>
  );
}

function List({
  owner,
  data,
  revoked,
}: AllowancesProps & { data: MandateList & { proposed?: ProposedMandate[] }; revoked: (notes: string[]) => void }) {
  const { mandates, proposed, more, lost, unreadable } = data;
  return (
    <>
      {mandates.length + lost.length === 0 && (
        <Empty title="No allowance is open">
          {owner.grants ? (
            "On the page of a request you can grant its agent one."
          ) : (
            <>
              An agent can propose one; you grant it with <code>lez-agent-pay mandate grant</code>.
            </>
          )}
        </Empty>
      )}
      {lost.map(({ shortCode, mandate, grantedAt }) => (
        <section key={mandate} class="note bad" aria-label={`Allowance ${shortCode}`}>
          <p>
            Allowance {shortCode} was granted <Time at={grantedAt} />, and its file is gone or changed. It can still pay.
          </p>
          <Revoke owner={owner} mandate={mandate} shortCode={shortCode} revoked={revoked} />
        </section>
      ))}
      {proposed?.map(({ mandate }) => (
        <p key={mandate.salt} class="note warn">
          An allowance waits for more keys. <a href={linkTo({ page: "proposed", request: mandate.salt })}>Read it</a>
        </p>
      ))}
      <ul class="cards" aria-label="Allowances">
        {mandates.map((item) => (
          <li key={item.mandate}>
            <Card owner={owner} item={item} revoked={revoked} />
          </li>
        ))}
      </ul>
      {more > 0 && <p class="quiet">And {more} more, which are not shown.</p>}
      {unreadable.map(({ file, problem }) => (
        <p key={file} class="note warn">
          <Foreign text={`${file}: ${problem}`} />
        </p>
      ))}
    </>
  );
}

function Card({ owner, item, revoked }: AllowancesProps & { item: MandateItem; revoked: (notes: string[]) => void }) {
  const { usage, total, period, perPayment } = item;
  const refunds = item.schemes.includes("refund");
  const open = usage === undefined || usage.status === "open";
  return (
    <article class="card">
      <header>
        <h2>
          {item.note !== undefined ? (
            <Foreign text={item.note} />
          ) : refunds ? (
            "Refunds, to the accounts that paid"
          ) : (
            <Foreign text={item.origins[0] === ANY ? "Any merchant" : item.origins.join(", ")} />
          )}
        </h2>
        <p class="codes">
          <span class="code" translate={false}>
            {item.shortCode}
          </span>
          {usage && usage.status !== "open" ? (
            <span class="pill bad">{usage.status}</span>
          ) : (
            <span class="left">{item.expiresInSeconds > 0 ? `${duration(item.expiresInSeconds)} left` : "over"}</span>
          )}
        </p>
      </header>
      {usage ? (
        <Bar title="In all" used={usage.used} held={usage.held} left={usage.left} whole={total} />
      ) : (
        <p class="note warn">
          How much of {total.display} is spent is not known: <Foreign text={item.problem ?? ""} />
        </p>
      )}
      {usage?.period && period && (
        <Bar
          title={`In ${duration(period.seconds)}`}
          used={usage.period.used}
          left={usage.period.left}
          whole={period.amount}
          note={
            <>
              {usage.period.paymentsLeft !== undefined && `${usage.period.paymentsLeft} payments left, `}until{" "}
              <Time at={usage.period.endsAt} />
            </>
          }
        />
      )}
      <dl class="facts compact">
        <div>
          <dt>Each payment</dt>
          <dd>at most {perPayment.display}</dd>
        </div>
        {period && (
          <div>
            <dt>Each {duration(period.seconds)}</dt>
            <dd>
              {period.amount.display}
              {period.count !== undefined && `, ${period.count} payments`}
            </dd>
          </div>
        )}
        {!refunds && (
          <div>
            <dt>Where</dt>
            <dd>
              <Foreign text={item.origins[0] === ANY ? "anywhere that the payees sell" : item.origins.join(", ")} />
            </dd>
          </div>
        )}
        <div>
          <dt>Payees</dt>
          {item.payees.map((payee) => (
            <dd key={payee}>{payee === ANY ? refunds ? "the accounts that paid" : <b>any account</b> : <Id text={payee} />}</dd>
          ))}
        </div>
        <div>
          <dt>Agent key</dt>
          <dd>
            <Id text={item.agentKey} />
          </dd>
        </div>
        <div>
          <dt>Until</dt>
          <dd>
            <Time at={item.expiresAt} />
          </dd>
        </div>
      </dl>
      {open && <Revoke owner={owner} mandate={item.mandate} shortCode={item.shortCode} revoked={revoked} />}
    </article>
  );
}

interface BarProps {
  title: string;
  used: Money;
  held?: Money | undefined;
  left: Money;
  whole: Money;
  note?: ComponentChildren;
}

function Bar({ title, used, held, left, whole, note }: BarProps) {
  const spent = held ? BigInt(used.amount) - BigInt(held.amount) : BigInt(used.amount);
  const { spentWidth, heldWidth } = bars(spent, BigInt(held?.amount ?? "0"), BigInt(whole.amount));
  const holds = held !== undefined && held.amount !== "0";
  return (
    <div class="meter">
      <p class="line">
        <span>{title}</span>
        <span>
          <b>{left.display}</b> left of {whole.display}
        </span>
      </p>
      <svg class="bar-of" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
        <rect class="track" width="100" height="4" />
        <rect class="held" width={spentWidth + heldWidth} height="4" />
        <rect class="spent" width={spentWidth} height="4" />
      </svg>
      <p class="line quiet small">
        <span class="legend">
          <span class="dot spent">{displayAmount(spent)} spent</span>
          {holds && <span class="dot held">{held.display} held for payments under way</span>}
        </span>
        {note !== undefined && <span>{note}</span>}
      </p>
    </div>
  );
}

interface RevokeProps extends AllowancesProps {
  mandate: string;
  shortCode: string;
  revoked: (notes: string[]) => void;
}

function Revoke({ owner, mandate, shortCode, revoked }: RevokeProps) {
  const [asked, setAsked] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | undefined>();
  const passphrase = useRef<HTMLInputElement>(null);
  const sealed = owner.proof === "passphrase";
  if (!asked) {
    return (
      <button type="button" class="plain" onClick={() => setAsked(true)}>
        Revoke<span class="visually-hidden"> allowance {shortCode}</span>…
      </button>
    );
  }
  const revoke = async (event: Event) => {
    event.preventDefault();
    if (busy) return;
    const secret = take(passphrase.current);
    setBusy(true);
    setProblem(undefined);
    const answer = await owner.revoke({ mandate, shortCode }, sealed ? secret : undefined);
    setBusy(false);
    if (!answer.ok) return setProblem(answer.error);
    revoked([`Allowance ${shortCode} is revoked: the agent pays no more under it.`, ...answer.data.notes]);
  };
  return (
    <form class="inline-form" onSubmit={(event) => void revoke(event)} autocomplete="off">
      {sealed && (
        <Field label={`Passphrase of your key, to revoke ${shortCode}`}>
          {(id) => <input id={id} ref={passphrase} type="password" required autocomplete="off" spellcheck={false} autofocus />}
        </Field>
      )}
      {problem && <Trouble problem={problem} />}
      <div class="buttons">
        <button type="submit" class="main danger" disabled={busy}>
          {busy ? "Revoking…" : "Revoke (final)"}
        </button>
        <button type="button" class="plain" disabled={busy} onClick={() => setAsked(false)}>
          Keep it
        </button>
      </div>
    </form>
  );
}

/** An allowance in place of a yes: limits within which the agent that asks pays this merchant without asking. The page makes it. */

import { useMemo, useState } from "preact/hooks";
import { randomDigest } from "../../../../shared/crypto/digest.ts";
import { MAX_MANDATE_NOTE_LENGTH, MAX_MANDATE_SECONDS } from "../../../../shared/limits.ts";
import { type Amount, displayAmount, parseAmount } from "../../../../shared/protocol/amount.ts";
import { type Mandate, mandateDigest, type MandateScheme, mandateSchema } from "../../../../shared/protocol/mandate.ts";
import { type PaymentRequest, shortCode } from "../../../../shared/protocol/payment-request.ts";
import { sameCode } from "../../../../shared/screen/answer.ts";
import { mandateFacts, type MandateView } from "../../../../shared/screen/mandate-facts.ts";
import type { ApprovalView } from "../../../../shared/screen/view.ts";
import { checkShape } from "../../../../shared/text/json.ts";
import { unixNow } from "../../../../shared/time.ts";
import type { Problem } from "../client.ts";
import { Foreign, Heading, hostOf, Loading, Trouble } from "../parts.tsx";
import { useReading } from "../reading.ts";
import { Facts } from "../request-parts.tsx";
import { linkTo } from "../router.ts";
import { useCall } from "../use-call.ts";
import type { HostedClient, HostedOwner } from "./hosted-owner.ts";
import { TextField } from "./pieces.tsx";

const DAY_SECONDS = 86_400;
/** What the form begins with, in payments like the one that is asked for. */
const PAYMENTS_A_DAY = 5n;
const PAYMENTS_IN_ALL = 20n;
const DAYS = "7";

interface GrantProps {
  client: HostedClient;
  owner: HostedOwner;
  request: string;
}

export function GrantPage({ client, owner, request }: GrantProps) {
  const { reading, problem, again } = useReading(owner, request, undefined);
  return (
    <div class="narrow">
      <a class="back" href={linkTo({ page: "request", request })}>
        ← Request
      </a>
      <Heading>An allowance for this agent</Heading>
      {problem && <Trouble problem={problem} again={again} />}
      {!reading && !problem && <Loading />}
      {reading && <Form client={client} owner={owner} view={reading.view} />}
    </div>
  );
}

interface Limits {
  perPayment: string;
  perDay: string;
  total: string;
  days: string;
  note: string;
}

function Form({ client, owner, view }: { client: HostedClient; owner: HostedOwner; view: ApprovalView }) {
  const { payment, http, reason } = view.request;
  const price = BigInt(payment.amount);
  const [limits, setLimits] = useState<Limits>({
    perPayment: displayAmount(price),
    perDay: displayAmount(price * PAYMENTS_A_DAY),
    total: displayAmount(price * PAYMENTS_IN_ALL),
    days: DAYS,
    note: "",
  });
  const [draft, setDraft] = useState<Mandate | undefined>();
  const [problem, setProblem] = useState<Problem | undefined>();
  const set = (name: keyof Limits) => (value: string) => setLimits({ ...limits, [name]: value });
  if (draft) return <Review client={client} owner={owner} view={view} mandate={draft} back={() => setDraft(undefined)} />;
  const review = (event: Event) => {
    event.preventDefault();
    const made = mandateOf(limits, view.request, view.authorization);
    setProblem(made.ok ? undefined : made.error);
    if (made.ok) setDraft(made.mandate);
  };
  return (
    <form onSubmit={review} autocomplete="off">
      <p>
        Within these limits the agent pays{" "}
        <b>
          <Foreign text={hostOf(http.url)} />
        </b>{" "}
        without asking you. You can end it at any time.
      </p>
      <p class="quiet small">
        It asks now for {displayAmount(price)}: <Foreign text={reason} />
      </p>
      <TextField label="Each payment at most" value={limits.perPayment} set={set("perPayment")} />
      <TextField label="Each day at most" hint="May be empty." required={false} value={limits.perDay} set={set("perDay")} />
      <TextField label="In all at most" value={limits.total} set={set("total")} />
      <TextField label="For how many days" hint={`1 to ${MAX_MANDATE_SECONDS / DAY_SECONDS}.`} value={limits.days} set={set("days")} />
      <TextField
        label="A note of yours"
        hint={`May be empty. At most ${MAX_MANDATE_NOTE_LENGTH} characters.`}
        required={false}
        value={limits.note}
        set={set("note")}
      />
      {problem && <Trouble problem={problem} />}
      <button type="submit" class="main">
        Read it before you sign
      </button>
    </form>
  );
}

/** The mandate that the form describes, for this agent, payee, origin and scheme alone. */
function mandateOf(
  { perPayment, perDay, total, days, note }: Limits,
  { payment, http, agent }: PaymentRequest,
  { network, asset, from, ledger }: ApprovalView["authorization"],
): { ok: true; mandate: Mandate } | { ok: false; error: Problem } {
  const refuse = (message: string) => ({ ok: false as const, error: { code: "usage", message } });
  const [each, daily, all] = [perPayment, perDay.trim() === "" ? total : perDay, total].map(amountOf);
  if (each === undefined || daily === undefined || all === undefined) return refuse("An amount is written as in 0.25 LGO.");
  if (ledger === undefined) return refuse("This merchant's offer names no ledger, and an allowance counts on one.");
  const now = unixNow();
  const mandate = {
    version: "1",
    network,
    asset,
    ledger,
    from,
    agent: agent.publicKey,
    grantedAt: String(now),
    validAfter: String(now),
    validBefore: String(now + Number(days) * DAY_SECONDS - 1),
    perPayment: each,
    total: all,
    ...(perDay.trim() !== "" && { period: { seconds: String(DAY_SECONDS), amount: daily } }),
    payees: [payment.payTo],
    origins: [new URL(http.url).origin],
    schemes: [payment.scheme as MandateScheme],
    ...(note.trim() !== "" && { note: note.trim().normalize("NFC") }),
    salt: randomDigest(),
  };
  const checked = checkShape(mandate, mandateSchema);
  return checked.ok ? { ok: true, mandate: checked.value } : refuse(`This cannot be an allowance: ${checked.problem}.`);
}

function amountOf(text: string): Amount | undefined {
  return parseAmount(text.replaceAll(/\s/g, "").toUpperCase());
}

interface ReviewProps {
  client: HostedClient;
  owner: HostedOwner;
  view: ApprovalView;
  mandate: Mandate;
  back: () => void;
}

function Review({ client, owner, view, mandate, back }: ReviewProps) {
  const { balance, pin, threshold, request } = view;
  const [missing, setMissing] = useState<number | undefined>();
  const waiting = shortCode(view.checked.digest);
  if (missing !== undefined) {
    return (
      <>
        <p class="note good" role="status">
          {grantedText(missing)} Request {waiting} still waits for your answer.
        </p>
        <p class="buttons">
          <a href={linkTo({ page: "request", request: view.checked.digest })}>To the request</a>
          <a href={linkTo({ page: "allowances" })}>To the allowances</a>
        </p>
      </>
    );
  }
  return (
    <ToSign
      client={client}
      owner={owner}
      about={{ mandate, balance, pins: pin ? [pin] : [], threshold }}
      host={hostOf(request.http.url)}
      signed={setMissing}
      back={{ label: "Change the limits", run: back }}
    />
  );
}

export function grantedText(missing: number): string {
  if (missing === 0) return "✓ Granted. The agent fetches it from this desk, and pays within it.";
  return `✓ You have signed it. It is granted once ${missing} more of the account's keys have signed it too: at this desk, under Allowances, within a day.`;
}

interface ToSignProps {
  client: HostedClient;
  /** Without one it is only shown. */
  owner: HostedOwner | undefined;
  about: Omit<MandateView, "others">;
  host: string;
  signed: (missing: number) => void;
  back: { label: string; run: () => void };
}

/** An allowance whole, made from the very object that is signed. */
export function ToSign({ client, owner, about, host, signed, back }: ToSignProps) {
  const { mandate } = about;
  const open = useCall(client, "mandates", { all: false }).data;
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | undefined>();
  const others = useMemo(() => {
    const left = (open?.mandates ?? []).map(({ usage, total }) => BigInt(usage?.left.amount ?? total.amount));
    return { count: left.length, sum: left.reduce((sum, one) => sum + one, 0n) };
  }, [open]);
  const { shortCode: code, facts, warnings, says } = mandateFacts({ ...about, others });
  const grant = async (event: Event) => {
    event.preventDefault();
    if (busy || !owner) return;
    if (warnings.length > 0 && !sameCode(typed, code))
      return setProblem({ code: "typed", message: "That is not the short code of this allowance." });
    setBusy(true);
    setProblem(undefined);
    const answer = await owner.grant(mandate);
    setBusy(false);
    if (answer.ok) signed(answer.data.missing ?? 0);
    else setProblem(answer.error);
  };
  if (!open) return <Loading />;
  return (
    <form onSubmit={(event) => void grant(event)}>
      <p class="codes">
        <span class="code" translate={false} title={mandateDigest(mandate)}>
          {code}
        </span>
        <Foreign text={host} />
      </p>
      {warnings.length > 0 && (
        <ul class="note warn list">
          {warnings.map((warning) => (
            <li key={warning}>{warning}</li>
          ))}
        </ul>
      )}
      <Facts facts={facts} />
      {says.map((text) => (
        <p key={text} class="quiet small">
          {text}
        </p>
      ))}
      {owner && warnings.length > 0 && <TextField label="Type the short code of the allowance" value={typed} set={setTyped} />}
      {problem && <Trouble problem={problem} />}
      {owner && (
        <button type="submit" class="main" disabled={busy}>
          {busy ? "Signing…" : "Grant it with my passkey"}
        </button>
      )}
      <button type="button" class="plain wide" disabled={busy} onClick={back.run}>
        {back.label}
      </button>
    </form>
  );
}

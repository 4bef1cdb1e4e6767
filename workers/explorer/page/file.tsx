/** A file that a party presents: the evidence of a payment. It is checked here, leaves this browser for nowhere, and is compared with known keys alone. */

import { useState } from "preact/hooks";
import type { EvidencePoint } from "../../../shared/evidence/check.ts";
import type { KnownKeys } from "../../../shared/evidence/keys.ts";
import { type EvidenceReport, verifyEvidence } from "../../../shared/evidence/verify.ts";
import { MAX_EVIDENCE_BYTES } from "../../../shared/limits.ts";
import { parseAccountId } from "../../../shared/protocol/account.ts";
import { displayAmount } from "../../../shared/protocol/amount.ts";
import { authorizationDigest, transactionOf } from "../../../shared/protocol/authorization.ts";
import { formatTimestamp } from "../../../shared/time.ts";
import { Foreign, Heading, Id, Time } from "../../desk/page/parts.tsx";
import type { Known } from "./known-key.tsx";
import { linkTo } from "./router.ts";

type Evidence = NonNullable<EvidenceReport["evidence"]>;

const PUBLIC_KEY = /^[0-9a-f]{64}$/;

export function FilePage({ known }: { known: Known }) {
  const [bytes, setBytes] = useState<Uint8Array>();
  const [texts, setTexts] = useState({ ledger: known.key ?? "", merchant: "", payer: "" });
  const [report, setReport] = useState<EvidenceReport>();
  const [problem, setProblem] = useState<string>();
  const choose = async (file: File | undefined) => {
    setReport(undefined);
    setBytes(undefined);
    setProblem(file && file.size > MAX_EVIDENCE_BYTES ? "This file is too large to be evidence." : undefined);
    if (file && file.size <= MAX_EVIDENCE_BYTES) setBytes(new Uint8Array(await file.arrayBuffer()));
  };
  const check = async (event: Event) => {
    event.preventDefault();
    setReport(undefined);
    if (!bytes) return setProblem((before) => before ?? "Choose a file first.");
    const keys = await keysFor(bytes, texts);
    setProblem("problem" in keys ? keys.problem : undefined);
    if (!("problem" in keys)) setReport(await verifyEvidence(bytes, keys));
  };
  const field = (name: keyof typeof texts, label: string) => (
    <div class="field">
      <label for={name}>{label}</label>
      <input
        id={name}
        type="text"
        autocomplete="off"
        spellcheck={false}
        value={texts[name]}
        onInput={(event) => setTexts({ ...texts, [name]: event.currentTarget.value })}
      />
    </div>
  );
  return (
    <div class="narrow look">
      <Heading>Evidence of a payment</Heading>
      <p>
        A party to a payment presents what <code>lez-agent-pay receipt export</code> wrote. This page checks it without asking anyone, and
        the file stays in this browser. What no key of yours can confirm is left unchecked: no file vouches for itself.
      </p>
      <form onSubmit={(event) => void check(event)} noValidate>
        <div class="field">
          <label for="evidence">The file</label>
          <input
            id="evidence"
            type="file"
            accept=".json,application/json"
            onChange={(event) => void choose(event.currentTarget.files?.[0])}
          />
        </div>
        {field("ledger", "The ledger's key, if you know it")}
        {field("merchant", "The merchant's key, if you know it")}
        {field("payer", "The payer's account, if you know it")}
        {problem !== undefined && (
          <p class="note bad" role="alert">
            {problem}
          </p>
        )}
        <button type="submit" class="main">
          Check
        </button>
      </form>
      {report && <Report report={report} />}
    </div>
  );
}

/** The typed keys, each for the ledger and the origin that the file names: a key counts for nothing else. */
async function keysFor(
  bytes: Uint8Array,
  { ledger, merchant, payer }: Record<"ledger" | "merchant" | "payer", string>,
): Promise<KnownKeys | { problem: string }> {
  const [ledgerKey, merchantKey] = [ledger.trim().toLowerCase(), merchant.trim().toLowerCase()];
  for (const key of [ledgerKey, merchantKey]) if (key !== "" && !PUBLIC_KEY.test(key)) return { problem: "A key has 64 hex digits." };
  const account = payer.trim() === "" ? undefined : parseAccountId(payer.trim());
  if (account?.ok === false) return { problem: "This is no account: it has 43 or 44 letters and digits." };
  const { evidence } = await verifyEvidence(bytes, {});
  const named = evidence && namedIn(evidence);
  return {
    ...(ledgerKey !== "" && named?.ledger !== undefined && { ledgers: { [named.ledger]: [ledgerKey] } }),
    ...(merchantKey !== "" && named?.origin !== undefined && { merchants: { [named.origin]: [merchantKey] } }),
    ...(account && { owners: [account.account] }),
  };
}

function namedIn(evidence: Evidence): { ledger?: string | undefined; origin?: string | undefined } {
  if (evidence.version !== "1") return {};
  const { url } = evidence.request.http;
  return { ledger: evidence.payment.authorization.ledger, origin: URL.canParse(url) ? new URL(url).origin : undefined };
}

const VERDICTS: Record<EvidenceReport["verdict"], readonly [kind: string, text: string]> = {
  verified: ["note good", "Everything in this file was checked, and holds."],
  incomplete: ["note warn", "Nothing in this file is wrong. Not everything could be checked: the list below says what."],
  differs: ["differs", "This file is not what it says"],
};
const MARKS: Record<EvidencePoint["verdict"], readonly [mark: string, spoken: string]> = {
  pass: ["✓", "holds"],
  warn: ["!", "look at this"],
  fail: ["✗", "does not hold"],
  unchecked: ["–", "not checked"],
};

function Report({ report: { verdict, points, evidence } }: { report: EvidenceReport }) {
  const [kind, text] = VERDICTS[verdict];
  return (
    <section aria-labelledby="report">
      <h2 id="report" class="visually-hidden">
        Result
      </h2>
      <div class={kind} role={verdict === "differs" ? "alert" : "status"}>
        <p class={verdict === "differs" ? "title" : ""}>{text}</p>
        {verdict === "differs" && <p>Do not rely on it. The points that do not hold are marked below.</p>}
      </div>
      {evidence && <Says evidence={evidence} />}
      <h2>What was checked</h2>
      <ul class="checks">
        {points.map(({ id, title, verdict, saw }) => (
          <li key={id} class={verdict}>
            <span class="mark" aria-hidden="true">
              {MARKS[verdict][0]}
            </span>
            <span>
              <span class="visually-hidden">{MARKS[verdict][1]}: </span>
              <Foreign text={title} />
              {verdict !== "pass" && saw !== "" && (
                <span class="quiet">
                  {" "}
                  <Foreign text={saw} />
                </span>
              )}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** What the file states. To be believed as far as the verdict goes. */
function Says({ evidence }: { evidence: Evidence }) {
  if (evidence.version !== "1") return <p class="note">It is evidence of one call that a session paid.</p>;
  const { request, payment, refunds = [] } = evidence;
  const { from, to, value, network, validAfter } = payment.authorization;
  const transaction = transactionOf(network, authorizationDigest(payment.authorization));
  const back = refunds.reduce((sum, { signed }) => sum + BigInt(signed.refund.amount), 0n);
  const signedFor = payment.authorization.scheme === undefined ? displayAmount(value) : `at most ${displayAmount(value)}`;
  return (
    <dl class="facts">
      <div>
        <dt>It says: paid</dt>
        <dd>
          <b>{signedFor}</b>
          {back > 0n && `, of which ${displayAmount(back)} came back`}
        </dd>
      </div>
      <div>
        <dt>For</dt>
        <dd>
          <Foreign text={`${request.http.method} ${request.http.url}`} />
        </dd>
      </div>
      <div>
        <dt>Reason</dt>
        <dd>
          <Foreign text={request.reason} />
        </dd>
      </div>
      <div>
        <dt>From</dt>
        <dd>
          <Id text={from} />
        </dd>
      </div>
      <div>
        <dt>To</dt>
        <dd>
          <Id text={to} />
        </dd>
      </div>
      <div>
        <dt>Valid from</dt>
        <dd>
          <Time at={formatTimestamp(Number(validAfter))} />
        </dd>
      </div>
      <div>
        <dt>Transaction</dt>
        <dd>
          <a href={linkTo({ page: "transaction", account: from, transaction })}>
            <Id text={transaction} />
          </a>
        </dd>
      </div>
    </dl>
  );
}

/** A payment's receipt, and how much of it was verified on this machine. */

import type { ComponentChildren } from "preact";
import type { Receipt } from "../../../shared/desk/api.ts";
import type { Client } from "./client.ts";
import { Foreign, Heading, Id, Loading, Time, Trouble } from "./parts.tsx";
import { linkTo } from "./router.ts";
import { useCall } from "./use-call.ts";

const VERDICTS: Record<Receipt["report"]["verdict"], { text: string; tone: string }> = {
  verified: { text: "Everything in it was verified.", tone: "good" },
  incomplete: { text: "What is here fits together; not all of it could be verified.", tone: "warn" },
  differs: { text: "It contradicts itself. Do not rely on it.", tone: "bad" },
};

const MARKS = { pass: "✓", warn: "!", fail: "✗", unchecked: "–" } as const;
const SPOKEN = { pass: "verified", warn: "a warning", fail: "does not fit", unchecked: "not checked" } as const;

export function ReceiptPage({ client, request }: { client: Client; request: string }) {
  const { data, problem, reload } = useCall(client, "receipt", { request });
  return (
    <div class="narrow">
      <a class="back" href={linkTo({ page: "request", request })}>
        ← Request
      </a>
      <Heading>Receipt</Heading>
      {problem && <Trouble problem={problem} again={reload} />}
      {!data && !problem && <Loading />}
      {data && <Shown receipt={data} />}
    </div>
  );
}

function Shown({ receipt: { report, stated, signed, charged, refunded } }: { receipt: Receipt }) {
  const { says, verdict, points } = report;
  return (
    <>
      <p class={`note ${VERDICTS[verdict].tone}`}>{VERDICTS[verdict].text}</p>
      {says && (
        <dl class="facts">
          <Line name="Paid">
            <b>{charged?.display ?? says.paid.display}</b>
            {refunded && `, of which ${refunded.display} came back`}
          </Line>
          <Line name="For">
            <Foreign text={`${says.method} ${says.url}`} />
          </Line>
          <Line name="Reason">
            <Foreign text={says.reason} />
          </Line>
          <Line name="To">
            <Id text={says.payTo} />
          </Line>
          <Line name="From">
            <Id text={says.payer} />
          </Line>
          {says.approvedAt !== undefined && (
            <Line name="Approved">
              <Time at={says.approvedAt} />
            </Line>
          )}
          <Line name="Transaction">
            <Id text={says.transaction} />
          </Line>
          <Line name="Merchant">
            {stated ? saysText(stated) : "its receipt is not kept here"};{" "}
            {signed.receipt ? "signed, as proof of delivery" : "not signed: it could deny it"}
          </Line>
        </dl>
      )}
      <h2>What was checked</h2>
      <ul class="checks">
        {points.map(({ id, title, verdict, saw }) => (
          <li key={id} class={verdict}>
            <span class="mark" aria-hidden="true">
              {MARKS[verdict]}
            </span>
            <span>
              <span class="visually-hidden">{SPOKEN[verdict]}: </span>
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
    </>
  );
}

function saysText({ fits, by }: NonNullable<Receipt["stated"]>): string {
  return `says that it settled${fits ? "" : " ANOTHER transaction"}${by === "agent" ? ", by the agent's word" : ""}`;
}

function Line({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** One entry of a journal: in a list, and whole. */

import type { JournalEntry } from "../../../shared/ledger/journal.ts";
import { displayAmount } from "../../../shared/protocol/amount.ts";
import { formatTimestamp, MAX_UNIX_SECONDS } from "../../../shared/time.ts";
import { Foreign, Id, Time } from "../../desk/page/parts.tsx";
import { linkTo } from "./router.ts";

const CAUSES = {
  claim: { debit: "Claimed from a session", credit: "Claim of a session" },
  refund: { debit: "Refund given", credit: "Refund received" },
  transfer: { debit: "Transfer sent", credit: "Transfer received" },
} as const;

export function titleOf({ kind, cause, batch, value }: JournalEntry): string {
  if (kind === "batch") return `Several payments received${batch ? `, ${batch.count}` : ""}`;
  if (kind === "genesis") return value === "0" ? "Opened" : "Paid in at the beginning";
  if (cause) return CAUSES[cause][kind];
  return kind === "debit" ? "Paid" : "Received";
}

export function signedAmount({ kind, value }: JournalEntry): string {
  return `${kind === "debit" ? "−" : "+"}${displayAmount(value)}`;
}

export function EntryRow({ entry }: { entry: JournalEntry }) {
  const { account, seq, counterparty, transaction } = entry;
  const what = (
    <>
      <span class="what">
        <span>
          {titleOf(entry)}
          {counterparty && (
            <>
              {entry.kind === "debit" ? " to " : " from "}
              <Foreign text={`${counterparty.slice(0, 6)}…${counterparty.slice(-4)}`} />
            </>
          )}
        </span>
        <span class="quiet small">
          entry {seq}, <EntryTime at={entry.at} />
        </span>
      </span>
      <span class="amount">{signedAmount(entry)}</span>
    </>
  );
  return (
    <li>
      {transaction === undefined ? (
        <div class="row">{what}</div>
      ) : (
        <a class="row" href={linkTo({ page: "transaction", account, transaction })}>
          {what}
        </a>
      )}
    </li>
  );
}

export function EntryFacts({ entry }: { entry: JournalEntry }) {
  const { seq, counterparty, balanceAfter, transaction, refundOf, session, mandate, requestDigest, batch, prevHash, hash } = entry;
  const ids: [string, string | undefined][] = [
    [entry.kind === "debit" ? "To" : "From", counterparty],
    ["Transaction", transaction],
    ["Gives back", refundOf],
    ["Session", session],
    ["Mandate", mandate],
    ["Request", requestDigest],
    ["Batch", batch?.transactions],
    ["Hash before", prevHash],
    ["Hash", hash],
  ];
  return (
    <dl class="facts">
      <div>
        <dt>{titleOf(entry)}</dt>
        <dd>
          <b>{signedAmount(entry)}</b>
        </dd>
      </div>
      <div>
        <dt>Entry</dt>
        <dd>
          {seq}, <EntryTime at={entry.at} />
        </dd>
      </div>
      <div>
        <dt>Balance after</dt>
        <dd>{displayAmount(balanceAfter)}</dd>
      </div>
      {ids.map(
        ([name, id]) =>
          id !== undefined && (
            <div key={name}>
              <dt>{name}</dt>
              <dd>
                <Id text={id} />
              </dd>
            </div>
          ),
      )}
    </dl>
  );
}

/** A time that no clock shows is shown as its number. */
function EntryTime({ at }: { at: string }) {
  return Number(at) > MAX_UNIX_SECONDS ? <>{at}</> : <Time at={formatTimestamp(Number(at))} />;
}

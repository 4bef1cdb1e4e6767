/** The ledger: its id, its supply, its shards, and the audit, if its operator allows it. */

import { useEffect, useState } from "preact/hooks";
import type { Answers } from "../../../shared/books/answers.ts";
import { displayAmount } from "../../../shared/protocol/amount.ts";
import { Foreign, Heading, Id, Loading, Trouble } from "../../desk/page/parts.tsx";
import type { Answer, Problem, Reader } from "./client.ts";
import { KeyCheck, type Known } from "./known-key.tsx";

export function LedgerPage({ reader, known }: { reader: Reader; known: Known }) {
  const [health, setHealth] = useState<Answer<Answers["health"]>>();
  const [audit, setAudit] = useState<Answer<Answers["audit"]>>();
  const [round, setRound] = useState(0);
  useEffect(() => {
    void reader.get("/health", "health").then(setHealth);
    void reader.get("/ledger/audit", "audit").then(setAudit);
  }, [reader, round]);
  const again = () => setRound((n) => n + 1);
  return (
    <div class="narrow">
      <Heading>Ledger</Heading>
      {!health && <Loading />}
      {health?.ok === false && <Trouble problem={health.problem} again={again} />}
      {health?.ok && (
        <dl class="facts">
          <div>
            <dt>Ledger</dt>
            <dd>
              <Id text={health.data.ledger} />
            </dd>
          </div>
          <div>
            <dt>Its key</dt>
            <dd>{health.data.checkpointKey === undefined ? "It has none, and signs nothing." : <Id text={health.data.checkpointKey} />}</dd>
          </div>
        </dl>
      )}
      {health?.ok && health.data.checkpointKey !== undefined && <KeyCheck shown={health.data.checkpointKey} known={known} />}
      {audit?.ok === false && health?.ok && <NoAudit problem={audit.problem} again={again} />}
      {audit?.ok && <Audit audit={audit.data} />}
    </div>
  );
}

function NoAudit({ problem, again }: { problem: Problem; again: () => void }) {
  if (problem.code !== "closed") return <Trouble problem={problem} again={again} />;
  return (
    <div class="note">
      <p>Supply, shards and the audit are shown to this ledger's operator alone.</p>
      <p class="quiet">
        The operator types: <code>lez-agent-pay ledger audit --operator-key-file FILE</code>
      </p>
    </div>
  );
}

function Audit({ audit }: { audit: Answers["audit"] }) {
  const { ok, conclusive, problems, shards, supply, balances, inFlight, held, accounts, journalEntries } = audit;
  return (
    <>
      {!ok && (
        <div class="differs" role="alert">
          <p class="title">The ledger contradicts itself</p>
          {problems.map((problem) => (
            <p key={problem}>
              <Foreign text={problem} />
            </p>
          ))}
        </div>
      )}
      {ok && (
        <p class="note good">
          {conclusive
            ? "The ledger says that it adds up. This page cannot compute that itself: it reads one account's books."
            : "The ledger says that each shard is in order. Money kept moving, so it did not compare the supply."}
        </p>
      )}
      <dl class="facts">
        {(
          [
            ["Supply", displayAmount(supply)],
            ["In accounts", displayAmount(balances)],
            ["Held of it", displayAmount(held)],
            ["Between shards", displayAmount(inFlight)],
            ["Shards", String(shards)],
            ["Accounts", String(accounts)],
            ["Entries", String(journalEntries)],
          ] as const
        ).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

/** An allowance that another key of the policy proposes: read whole from the object itself, and then signed too, or dropped. */

import { useState } from "preact/hooks";
import type { HostedDesk, KeyRecord } from "../../../../shared/desk/hosted-api.ts";
import { NETWORK } from "../../../../shared/lez.ts";
import { APPROVAL_TYPED_THRESHOLD } from "../../../../shared/limits.ts";
import { ANY, type Mandate, mandateDigest, mandateSchema } from "../../../../shared/protocol/mandate.ts";
import { shortCode } from "../../../../shared/protocol/payment-request.ts";
import { checkShape } from "../../../../shared/text/json.ts";
import type { Problem } from "../client.ts";
import { Command } from "../command.tsx";
import { Heading, Loading, Time, Trouble } from "../parts.tsx";
import { linkTo } from "../router.ts";
import { useCall } from "../use-call.ts";
import { commandAt } from "./account.ts";
import { grantedText, ToSign } from "./grant.tsx";
import type { HostedClient, HostedOwner } from "./hosted-owner.ts";

interface ProposedProps {
  client: HostedClient;
  record: KeyRecord;
  /** Without one the key of this owner is on another machine. */
  owner: HostedOwner | undefined;
  desk: HostedDesk;
  salt: string;
}

export function ProposedPage({ client, record, owner, desk, salt }: ProposedProps) {
  const { data, problem: away, reload } = useCall(client, "mandates", { all: false });
  const state = useCall(client, "state", {}).data;
  const [done, setDone] = useState<string | undefined>();
  const [problem, setProblem] = useState<Problem | undefined>();
  const drop = async (mandate: Mandate) => {
    const answer = await client.call("dropProposed", { mandate: mandateDigest(mandate) });
    if (answer.ok) setDone("Dropped. Nothing was granted.");
    else setProblem(answer.error);
  };
  const shown = () => {
    if (done !== undefined)
      return (
        <p class="note good" role="status">
          {done}
        </p>
      );
    if (away) return <Trouble problem={away} again={reload} />;
    if (!data || !state) return <Loading />;
    const found = data.proposed.find(({ mandate }) => mandate.salt === salt);
    if (!found) return <p>This proposal was granted or dropped, or it has lapsed.</p>;
    const { mandate, signedBy, endsAt } = found;
    const { ok } = checkShape(mandate, mandateSchema);
    if (!ok || mandate.from !== state.account || mandate.ledger !== desk.ledger || mandate.network !== NETWORK)
      return (
        <Trouble problem={{ code: "request_differs", message: "This allowance is not of this account and ledger.", hint: "Drop it." }} />
      );
    const { balance, balanceProblem = "" } = state;
    return (
      <>
        <p class="quiet">
          {signedBy.length} of the account's keys {signedBy.length === 1 ? "has" : "have"} signed this. It is not granted yet, and lapses{" "}
          <Time at={endsAt} />.
        </p>
        {!owner && (
          <>
            <p class="note warn">
              The key of this account is on another machine. This page can drop the allowance. To sign it, run this there:
            </p>
            <Command text={commandAt(record, `sign ${shortCode(mandateDigest(mandate))}`)} />
          </>
        )}
        <ToSign
          client={client}
          owner={owner}
          about={{
            mandate,
            balance: balance ? { kind: "known", spendable: BigInt(balance.spendable.amount) } : { kind: "unknown", why: balanceProblem },
            pins: [],
            threshold: APPROVAL_TYPED_THRESHOLD,
          }}
          host={mandate.origins[0] === ANY ? "any merchant" : mandate.origins.join(", ")}
          signed={(missing) => setDone(grantedText(missing))}
          back={{ label: "Drop it", run: () => void drop(mandate) }}
        />
      </>
    );
  };
  return (
    <div class="narrow">
      <a class="back" href={linkTo({ page: "allowances" })}>
        ← Allowances
      </a>
      <Heading>A proposed allowance</Heading>
      {shown()}
      {problem && <Trouble problem={problem} />}
    </div>
  );
}

/** Joins an agent to the account: the owner opens the agent's link, compares the code, names it, and confirms. */

import { useEffect, useState } from "preact/hooks";
import type { KeyRecord } from "../../../../shared/desk/hosted-api.ts";
import { pairingCode, pairingPlace } from "../../../../shared/desk/pairing-place.ts";
import { MAX_NAME_LENGTH } from "../../../../shared/limits.ts";
import type { Pairing as PairingObject } from "../../../../shared/protocol/desk.ts";
import type { Problem } from "../client.ts";
import { Heading, Id, Loading, TimeLeft, Trouble, useSecondsLeft } from "../parts.tsx";
import { useCall } from "../use-call.ts";
import { useDeskSigner } from "./desk-signer.tsx";
import type { HostedClient, HostedOwner } from "./hosted-owner.ts";
import { TextField } from "./pieces.tsx";

interface PairingProps {
  client: HostedClient;
  record: KeyRecord;
  /** Absent if the account's key is elsewhere. */
  owner: HostedOwner | undefined;
  /** Behind `#/pair/`. */
  link: string;
}

export function PairPage({ client, record, owner, link }: PairingProps) {
  const [agent = "", secret = "", named] = link.split(".");
  const whole = /^[0-9a-f]{64}$/.test(agent) && /^[0-9a-f]{32}$/.test(secret);
  return (
    <div class="narrow">
      <Heading>Pair an agent</Heading>
      {whole && (named === undefined || named === record.account) ? (
        <Pairing client={client} record={record} owner={owner} agent={agent} secret={secret} isNamed={named !== undefined} />
      ) : (
        <Trouble
          problem={{
            code: "pairing",
            message: whole ? `The agent wants to be paired with another account: ${named}.` : "This link is incomplete.",
            hint: whole ? "Sign in with that account, and open the link again." : "lez-agent-pay pair makes a link, good for ten minutes.",
          }}
        />
      )}
    </div>
  );
}

interface LinkParts {
  agent: string;
  secret: string;
  /** The link names the account, so that the agent can show the code before it is paired. */
  isNamed: boolean;
}

function Pairing({ client, record, owner, agent, secret, isNamed }: Omit<PairingProps, "link"> & LinkParts) {
  const { signer, sheet } = useDeskSigner(client, record, owner);
  const pairing = { desk: location.origin, account: record.account, agent, secret };
  const { data, problem } = useCall(client, "pairing", { place: pairingPlace(secret) });
  const [name, setName] = useState("");
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<Problem | undefined>();
  const [paired, setPaired] = useState(false);
  const seconds = data ? Math.max(0, Math.round((Date.parse(data.expiresAt) - Date.now()) / 1000)) : 0;
  const left = useSecondsLeft(seconds, data?.expiresAt ?? "");
  useEffect(() => {
    // The secret leaves the address once it is used.
    if (paired) history.replaceState(null, "", "/#/settings");
  }, [paired]);
  if (paired) {
    return (
      <>
        <p class="note good" role="status">
          ✓ Paired at this desk. The agent's terminal shows a code now: it must be this one.
        </p>
        <Code pairing={pairing} />
        <p>
          If it shows another, or shows none, another person's agent was paired: <a href="#/settings">unpair it in the settings</a>.
        </p>
        <p>
          <a href="#/">To the inbox</a>
        </p>
      </>
    );
  }
  if (problem) return <Trouble problem={problem} />;
  if (!data) return <Loading />;
  if (data.agent !== agent)
    return <Trouble problem={{ code: "pairing", message: "The agent that waits here is not the one in the link. Do not pair it." }} />;
  const confirm = async (event: Event) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setRefusal(undefined);
    const answer = await signer.pair(pairing, Array.from(name.trim().normalize("NFC")).slice(0, MAX_NAME_LENGTH).join(""));
    setBusy(false);
    if (answer.ok) setPaired(true);
    else setRefusal(answer.error);
  };
  return (
    <>
      <form onSubmit={(event) => void confirm(event)}>
        {isNamed && <p>The agent's terminal shows this code as well. Is it the same?</p>}
        <Code pairing={pairing} />
        {!isNamed && <p>The agent's terminal shows this code after you pair it, and asks there whether it is the same.</p>}
        <p class="quiet">
          Agent key <Id text={agent} />
        </p>
        <TimeLeft seconds={left} />
        <p>From then on this agent can ask you for payments here. It can pay nothing that you have not approved.</p>
        <TextField label="Your name for the agent" value={name} set={setName} />
        {refusal && <Trouble problem={refusal} />}
        <button type="submit" class="main" disabled={busy || left === 0}>
          {busy ? "Signing…" : "Pair this agent"}
        </button>
      </form>
      {sheet}
    </>
  );
}

function Code({ pairing }: { pairing: PairingObject }) {
  return (
    <p class="compare" translate={false}>
      {pairingCode(pairing)}
    </p>
  );
}

/** A request on the chain itself: what it asks for, and the command that decides it. No page has a key of the chain. */

import { useEffect, useState } from "preact/hooks";
import type { RequestItem } from "../../../shared/desk/api.ts";
import { type NativeRequestView, nativeRequestFacts } from "../../../shared/screen/native-request.ts";
import { requestWarnings } from "../../../shared/screen/warnings.ts";
import { amountOf } from "./amount.ts";
import type { Client, Problem } from "./client.ts";
import { Command } from "./command.tsx";
import { Decline } from "./decision.tsx";
import type { Owner } from "./owner.ts";
import { Foreign, Heading, hostOf, Trouble, useSecondsLeft } from "./parts.tsx";
import { Facts, Said, Summary, Warnings } from "./request-parts.tsx";

interface OnChainProps {
  client: Client;
  owner: Owner;
  item: RequestItem;
  decided: (notes: string[]) => void;
}

export function OnChain({ client, owner, item, decided }: OnChainProps) {
  const { view, problem, again } = useRequest(client, item.requestDigest);
  const left = useSecondsLeft(item.expiresInSeconds, item.requestDigest);
  const decision = <AtTerminal owner={owner} item={item} left={left} decided={decided} />;
  if (!view) {
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
        {problem && decision}
      </>
    );
  }
  const facts = nativeRequestFacts(view);
  return (
    <div class="split">
      <article>
        <Summary facts={facts} confirmed={view.host.kind === "confirmed"} left={left} />
        <Warnings warnings={requestWarnings(view)} />
        <Said title="The agent says" paragraphs={facts.agentSays} quote />
        {facts.agentSends.length > 0 && <Said title="The agent sends" paragraphs={facts.agentSends} />}
        <Said title="The merchant says" paragraphs={facts.merchantSays} />
        <section aria-labelledby="facts">
          <h2 id="facts">What is asked for</h2>
          <Facts facts={facts.facts} />
        </section>
      </article>
      {decision}
    </div>
  );
}

function AtTerminal({ owner, item, left, decided }: Omit<OnChainProps, "client"> & { left: number }) {
  const [declining, setDeclining] = useState(false);
  if (left === 0) {
    return (
      <aside class="decision">
        <h2>Too late</h2>
        <p role="status">This request expired while it was open. Nothing was signed.</p>
      </aside>
    );
  }
  const unsigned = { proof: "nothing" as const, decline: owner.declineUnsigned.bind(owner) };
  return (
    <aside class="decision" aria-label="Your decision">
      {declining ? (
        <Decline owner={unsigned} item={item} decided={decided} back={() => setDeclining(false)} />
      ) : (
        <>
          <h2>Sign it at a terminal</h2>
          <p>This is a native LEZ transfer on {item.network}. A key of the chain signs it, and this page has none.</p>
          <p class="quiet small">Type {owner.terminal}:</p>
          <Command text={`lez-agent-pay approve ${item.shortCode}`} />
          <p class="quiet small">
            The terminal reads your balance, the nonce and today's fee from the chain, shows the whole transfer, and asks.
          </p>
          <button type="button" class="plain wide" onClick={() => setDeclining(true)}>
            Decline…
          </button>
        </>
      )}
    </aside>
  );
}

/** The page computes what it shows from the request's own text. */
function useRequest(client: Client, request: string) {
  const [state, setState] = useState<{ view?: NativeRequestView; problem?: Problem }>({});
  const [round, setRound] = useState(0);
  useEffect(() => {
    let over = false;
    const read = async () => {
      const answer = await client.call("readNative", { request });
      if (!answer.ok) return { problem: answer.error };
      // Most visits see no such request: what reads its terms is loaded with the first.
      const later = await import("./looking.ts").catch(() => undefined);
      if (!later) return { problem: { code: "away", message: "A part of this page could not be loaded. Are you online?" } };
      const { readNativeWire } = later;
      const made = await readNativeWire(answer.data.view);
      if (!made.ok) return { problem: differing(made.problem) };
      return made.view.checked.digest === request ? { view: made.view } : { problem: differing("The desk answers with another request.") };
    };
    void read().then((next) => (over ? undefined : setState(next)));
    return () => {
      over = true;
    };
  }, [client, request, round]);
  return { ...state, again: () => setRound((n) => n + 1) };
}

function differing(message: string): Problem {
  return { code: "request_differs", message, hint: "Do not approve it." };
}

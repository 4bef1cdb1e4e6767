/** The inbox: what waits for a decision, or every request that the desk has. */

import { useState } from "preact/hooks";
import type { RequestItem, RequestList, RequestState } from "../../../shared/desk/api.ts";
import { duration } from "../../../shared/screen/duration.ts";
import { amountOf } from "./amount.ts";
import type { Client } from "./client.ts";
import { Empty, Foreign, Heading, hostOf, Loading, Time, TimeLeft, Trouble } from "./parts.tsx";
import { linkTo } from "./router.ts";
import { FRESH_MILLIS, useCall } from "./use-call.ts";

export function Inbox({ client, all }: { client: Client; all: boolean }) {
  const { data, problem, reload } = useCall(client, "requests", { all }, FRESH_MILLIS);
  return (
    <>
      <div class="head">
        <Heading>Inbox</Heading>
        <nav class="tabs" aria-label="Which requests">
          <a href={linkTo({ page: "inbox" })} aria-current={all ? undefined : "page"}>
            Waiting
          </a>
          <a href={linkTo({ page: "all" })} aria-current={all ? "page" : undefined}>
            All
          </a>
        </nav>
      </div>
      {problem && <Trouble problem={problem} again={reload} />}
      {!data && !problem && <Loading />}
      {data && <Requests client={client} all={all} first={data} />}
    </>
  );
}

function Requests({ client, all, first }: { client: Client; all: boolean; first: RequestList }) {
  // Pages behind the first one, which alone is kept fresh.
  const [older, setOlder] = useState<RequestList[]>([]);
  const last = older.at(-1) ?? first;
  const listed = new Map([...older.flatMap(({ requests }) => requests), ...first.requests].map((item) => [item.requestDigest, item]));
  const order = [...first.requests, ...older.flatMap(({ requests }) => requests)];
  const items = [...new Set(order.map(({ requestDigest }) => requestDigest))].flatMap((digest) => listed.get(digest) ?? []);
  const floods = first.folded?.map(({ name, requests }) => `${name}: ${requests} requests too fast`) ?? [];
  const notes = [...[first, ...older].flatMap((page) => page.unreadable), ...floods];
  const more = async (cursor: string) => {
    const page = await client.call("requests", { all, cursor });
    if (page.ok) setOlder((before) => [...before, page.data]);
  };
  return (
    <>
      {items.length === 0 &&
        (all ? (
          <Empty title="No requests yet">An agent's request to pay appears here.</Empty>
        ) : (
          <Empty title="Nothing to decide">An agent's request to pay appears here by itself.</Empty>
        ))}
      <ul class="rows" aria-label="Requests">
        {items.map((item) => (
          <Row key={item.requestDigest} item={item} />
        ))}
      </ul>
      {last.nextCursor !== undefined && (
        <button type="button" class="plain wide" onClick={() => void more(last.nextCursor ?? "")}>
          Show more
        </button>
      )}
      {notes.map((sentence) => (
        <p key={sentence} class="note warn">
          <Foreign text={sentence} />
        </p>
      ))}
      {first.hidden && (
        <p class="quiet">
          Not listed: {first.hidden.muted} of muted and {first.hidden.blocked} of blocked agents.{" "}
          <a href={linkTo({ page: "all" })}>Show all</a>
        </p>
      )}
    </>
  );
}

function Row({ item }: { item: RequestItem }) {
  const { state, url, reason, session } = item;
  return (
    <li>
      <a class="row" href={linkTo({ page: "request", request: item.requestDigest })}>
        <span class="what">
          <span class="amount">
            {amountOf(item)}
            {session && <span class="aside"> set aside for {duration(session.seconds)}</span>}
          </span>
          <span class="host">
            to <Foreign text={hostOf(url)} />
          </span>
          <span class="reason quiet">
            <Foreign text={reason} />
          </span>
        </span>
        <span class="when">
          {state === "pending" ? <TimeLeft seconds={item.expiresInSeconds} /> : <State item={item} />}
          <span class="code" translate={false}>
            {item.shortCode}
          </span>
          {state !== "pending" && (
            <span class="quiet">
              <Time at={item.createdAt} />
            </span>
          )}
        </span>
      </a>
    </li>
  );
}

const WORDS: Record<RequestState, string> = {
  pending: "waiting",
  approved: "approved",
  declined: "declined",
  cancelled: "cancelled by the agent",
  expired: "expired",
  revoked: "revoked",
  sent: "sent, outcome not known",
  paid: "paid",
  refused: "refused by the merchant",
};

export function State({ item: { state, decidedElsewhere } }: { item: RequestItem }) {
  const tone = state === "paid" || state === "approved" ? "good" : state === "declined" || state === "revoked" ? "bad" : "";
  return <span class={`pill ${tone}`}>{decidedElsewhere ? "no longer waits" : WORDS[state]}</span>;
}

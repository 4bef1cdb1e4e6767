/** The frame of every page: where one is, whose account it is, and whether the desk answers. */

import { useEffect } from "preact/hooks";
import type { DeskState } from "../../../shared/desk/api.ts";
import { Allowances } from "./allowances.tsx";
import { type Client, isAway } from "./client.ts";
import { History } from "./history.tsx";
import { Inbox } from "./inbox.tsx";
import { Foreign, Heading } from "./parts.tsx";
import { ReceiptPage } from "./receipt.tsx";
import { RequestPage } from "./request.tsx";
import { linkTo, type Route, useRoute } from "./router.ts";
import { useCall } from "./use-call.ts";

const TITLES: Record<Route["page"], string> = {
  inbox: "Inbox",
  all: "All requests",
  request: "Request",
  receipt: "Receipt",
  allowances: "Allowances",
  history: "History",
};

const STATE_MILLIS = 10_000;

/** @param client absent if the link had no token */
export function App({ client }: { client: Client | undefined }) {
  return client ? <Desk client={client} /> : <NoKey />;
}

function Desk({ client }: { client: Client }) {
  const route = useRoute();
  const state = useCall(client, "state", {}, STATE_MILLIS);
  useEffect(() => {
    document.title = `${TITLES[route.page]} · Desk`;
    scrollTo(0, 0);
  }, [JSON.stringify(route)]);
  const away = state.problem && isAway(state.problem);
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), document.getElementById("main")?.focus())}>
        Skip to the page
      </a>
      <header class="top">
        <div class="bar">
          <Brand />
          <nav class="places" aria-label="Pages">
            <Place to="inbox" route={route} also={["all", "request"]} />
            <Place to="allowances" route={route} />
            <Place to="history" route={route} also={["receipt"]} />
          </nav>
          <Account state={state.data} />
        </div>
      </header>
      {away && (
        <div class="offline" role="status">
          The desk does not answer. What you see may be old; this page tries again by itself.
        </div>
      )}
      <main class="page" id="main" tabIndex={-1}>
        <Page key={JSON.stringify(route)} route={route} client={client} state={state.data} />
      </main>
    </>
  );
}

function Page({ route, client, state }: { route: Route; client: Client; state: DeskState | undefined }) {
  switch (route.page) {
    case "inbox":
      return <Inbox client={client} all={false} />;
    case "all":
      return <Inbox client={client} all />;
    case "request":
      return <RequestPage client={client} request={route.request} sealed={state?.sealed ?? true} />;
    case "receipt":
      return <ReceiptPage client={client} request={route.request} />;
    case "allowances":
      return <Allowances client={client} sealed={state?.sealed ?? true} />;
    default:
      return <History client={client} />;
  }
}

function Place({ to, route, also = [] }: { to: "inbox" | "allowances" | "history"; route: Route; also?: Route["page"][] }) {
  const here = route.page === to || also.includes(route.page);
  return (
    <a href={linkTo({ page: to })} aria-current={here ? (route.page === to ? "page" : "true") : undefined}>
      {TITLES[to]}
    </a>
  );
}

function Brand() {
  return (
    <span class="brand">
      <img class="mark" src="/icon.svg" alt="" width="22" height="22" />
      lez-agent-pay
    </span>
  );
}

function Account({ state }: { state: DeskState | undefined }) {
  if (!state) return <span class="account" />;
  const { balance, balanceProblem, account } = state;
  return (
    <span class="account" title={account}>
      {balance ? (
        <>
          <b>{balance.spendable.display}</b>
          {balance.held.amount !== "0" && <span class="quiet held"> + {balance.held.display} held</span>}
        </>
      ) : (
        <span class="quiet" title={balanceProblem}>
          balance not known
        </span>
      )}
      <span class="quiet owner" translate={false}>
        <Foreign text={`${account.slice(0, 6)}…${account.slice(-4)}`} />
      </span>
    </span>
  );
}

function NoKey() {
  return (
    <>
      <header class="top">
        <div class="bar">
          <Brand />
        </div>
      </header>
      <main class="page narrow" id="main">
        <Heading>This page has no key to the desk</Heading>
        <p>
          Open the link that <code>lez-agent-pay desk</code> printed. It has the key at its end, and this page forgets it when it is closed
          or loaded again.
        </p>
      </main>
    </>
  );
}

/** The frame of every page: where one is, whose account it is, and whether the desk answers. */

import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import type { DeskState } from "../../../shared/desk/api.ts";
import { type Client, isAway } from "./client.ts";
import { Inbox } from "./inbox.tsx";
import { Later } from "./later.tsx";
import type { Owner } from "./owner.ts";
import { Foreign, Heading } from "./parts.tsx";
import { RequestPage } from "./request.tsx";
import { type HostedRoute, linkTo, type Route, useRoute } from "./router.ts";
import type { Loaded } from "./use-call.ts";

const TITLES: Record<Route["page"], string> = {
  inbox: "Inbox",
  all: "All requests",
  request: "Request",
  receipt: "Receipt",
  allowances: "Allowances",
  history: "History",
  grant: "Grant an allowance",
  proposed: "Allowance",
  settings: "Settings",
  pair: "Pair an agent",
  account: "Sign in",
  key: "A second passkey",
};

const looking = () => import("./looking.ts");

interface AppProps {
  client: Client;
  owner: Owner;
  state: Loaded<DeskState>;
  /** Of a hosted desk: its pages, beside those that every desk has. Undefined for one that it does not show now. */
  hosted?: ((route: HostedRoute) => ComponentChildren | undefined) | undefined;
}

export function App({ client, owner, state, hosted }: AppProps) {
  const route = useRoute();
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
            <Place to="inbox" route={route} also={["all", "request", "grant"]} />
            <Place to="allowances" route={route} />
            <Place to="history" route={route} also={["receipt"]} />
            {hosted && <Place to="settings" route={route} also={["pair"]} />}
          </nav>
          <Account state={state.data} />
        </div>
      </header>
      {away && (
        <div class="offline" role="status">
          The desk does not answer; this page asks again. What you see may be old.
        </div>
      )}
      <main class="page" id="main" tabIndex={-1}>
        <Page key={JSON.stringify(route)} route={route} client={client} owner={owner} hosted={hosted} />
      </main>
    </>
  );
}

function Page({ route, client, owner, hosted }: Omit<AppProps, "state"> & { route: Route }) {
  switch (route.page) {
    case "inbox":
      return <Inbox client={client} all={false} />;
    case "all":
      return <Inbox client={client} all />;
    case "request":
      return <RequestPage client={client} owner={owner} request={route.request} />;
    case "receipt":
      return <Later load={looking}>{({ ReceiptPage }) => <ReceiptPage client={client} request={route.request} />}</Later>;
    case "allowances":
      return <Later load={looking}>{({ Allowances }) => <Allowances client={client} owner={owner} />}</Later>;
    case "history":
      return <Later load={looking}>{({ History }) => <History client={client} />}</Later>;
    default:
      return hosted?.(route) ?? <Inbox client={client} all={false} />;
  }
}

function Place({ to, route, also = [] }: { to: "inbox" | "allowances" | "history" | "settings"; route: Route; also?: Route["page"][] }) {
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

/** A page outside an account: without places to go. */
export function Outside({ children }: { children: ComponentChildren }) {
  return (
    <>
      <header class="top">
        <div class="bar">
          <Brand />
        </div>
      </header>
      <main class="page narrow" id="main">
        {children}
      </main>
    </>
  );
}

/** At the local desk, without the link's token. */
export function NoKey() {
  return (
    <Outside>
      <Heading>This page has no key to the desk</Heading>
      <p>
        Open the link that <code>lez-agent-pay desk</code> printed. It has the key at its end, and this page forgets it when it is closed or
        loaded again.
      </p>
    </Outside>
  );
}

/** The frame of every page of the explorer. */

import { useEffect, useState } from "preact/hooks";
import { AccountPage } from "./account.tsx";
import type { Reader } from "./client.ts";
import { FilePage } from "./file.tsx";
import { Home } from "./home.tsx";
import type { Known } from "./known-key.tsx";
import { LedgerPage } from "./ledger.tsx";
import { linkTo, type Route, useRoute } from "./router.ts";
import { TransactionPage } from "./transaction.tsx";

const TITLES: Record<Route["page"], string> = {
  home: "Explorer",
  account: "Account",
  transaction: "Transaction",
  ledger: "Ledger",
  file: "Evidence",
};

interface AppProps {
  client: Reader;
  badLink: boolean;
  /** The ledger's key, from the link. */
  knownKey: string | undefined;
}

export function App({ client, badLink, knownKey }: AppProps) {
  const [ledgerKey, setKey] = useState(knownKey);
  const known: Known = { key: ledgerKey, set: setKey };
  const route = useRoute();
  const key = JSON.stringify(route);
  useEffect(() => {
    document.title = route.page === "home" ? "Explorer" : `${TITLES[route.page]} · Explorer`;
    scrollTo(0, 0);
  }, [key]);
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), document.getElementById("main")?.focus())}>
        Skip to the page
      </a>
      <header class="top">
        <div class="bar">
          <span class="brand">
            <img class="mark" src="icon.svg" alt="" width="22" height="22" />
            lez-agent-pay
          </span>
          <nav class="places" aria-label="Pages">
            <a href={linkTo({ page: "home" })} aria-current={route.page === "home" ? "page" : undefined}>
              Look
            </a>
            <a href={linkTo({ page: "ledger" })} aria-current={route.page === "ledger" ? "page" : undefined}>
              Ledger
            </a>
            <a href={linkTo({ page: "file" })} aria-current={route.page === "file" ? "page" : undefined}>
              Evidence
            </a>
          </nav>
        </div>
      </header>
      <main class="page" id="main" tabIndex={-1}>
        <Page key={key} route={route} client={client} badLink={badLink} known={known} />
      </main>
    </>
  );
}

function Page({ route, client, badLink, known }: Omit<AppProps, "knownKey"> & { route: Route; known: Known }) {
  switch (route.page) {
    case "account":
      return <AccountPage reader={client} account={route.account} known={known} />;
    case "transaction":
      return <TransactionPage reader={client} account={route.account} transaction={route.transaction} known={known} />;
    case "ledger":
      return <LedgerPage reader={client} known={known} />;
    case "file":
      return <FilePage known={known} />;
    default:
      return <Home badLink={badLink} />;
  }
}

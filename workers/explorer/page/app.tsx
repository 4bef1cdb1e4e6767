/** The frame of every page of the explorer. */

import { useEffect } from "preact/hooks";
import { AccountPage } from "./account.tsx";
import type { Reader } from "./client.ts";
import { Home } from "./home.tsx";
import { LedgerPage } from "./ledger.tsx";
import { linkTo, type Route, useRoute } from "./router.ts";
import { TransactionPage } from "./transaction.tsx";

const TITLES: Record<Route["page"], string> = { home: "Explorer", account: "Account", transaction: "Transaction", ledger: "Ledger" };

export function App({ client, badLink }: { client: Reader; badLink: boolean }) {
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
          </nav>
        </div>
      </header>
      <main class="page" id="main" tabIndex={-1}>
        <Page key={key} route={route} client={client} badLink={badLink} />
      </main>
    </>
  );
}

function Page({ route, client, badLink }: { route: Route; client: Reader; badLink: boolean }) {
  switch (route.page) {
    case "account":
      return <AccountPage reader={client} account={route.account} />;
    case "transaction":
      return <TransactionPage reader={client} account={route.account} transaction={route.transaction} />;
    case "ledger":
      return <LedgerPage reader={client} />;
    default:
      return <Home badLink={badLink} />;
  }
}

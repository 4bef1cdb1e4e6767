/** Which page is shown, from the fragment: `#/`, `#/ledger`, `#/file`, `#/account/ACCOUNT`, `#/account/ACCOUNT/TRANSACTION`. */

import { useEffect, useState } from "preact/hooks";
import { type AccountId, parseAccountId } from "../../../shared/protocol/account.ts";

export type Route =
  | { page: "home" }
  | { page: "ledger" }
  | { page: "file" }
  | { page: "account"; account: AccountId }
  | { page: "transaction"; account: AccountId; transaction: string };

const DIGEST = /^[0-9a-f]{64}$/;

export function routeOf(hash: string): Route {
  const [, page = "", id = "", transaction = ""] = hash.split("/");
  if (page === "ledger" || page === "file") return { page };
  const account = page === "account" ? parseAccountId(id) : undefined;
  if (!account?.ok) return { page: "home" };
  return DIGEST.test(transaction)
    ? { page: "transaction", account: account.account, transaction }
    : { page: "account", account: account.account };
}

export function linkTo(route: Route): string {
  if (route.page === "home") return "#/";
  if (route.page === "ledger" || route.page === "file") return `#/${route.page}`;
  return `#/account/${route.account}${route.page === "transaction" ? `/${route.transaction}` : ""}`;
}

export function useRoute(): Route {
  const [route, setRoute] = useState(() => routeOf(location.hash));
  useEffect(() => {
    const follow = () => setRoute(routeOf(location.hash));
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  return route;
}

/** Which page is shown, from the fragment of the address: `#/`, `#/all`, `#/request/DIGEST`, `#/allowances`, `#/history`; and those of a hosted desk. */

import { useEffect, useState } from "preact/hooks";

export type Route =
  | { page: "inbox" }
  | { page: "all" }
  | { page: "request"; request: string }
  | { page: "receipt"; request: string }
  | { page: "allowances" }
  | { page: "history" }
  | HostedRoute;

/** Pages that only a hosted desk has. */
export type HostedRoute =
  | { page: "grant"; request: string }
  /** An allowance that another key of the policy proposes: its salt. */
  | { page: "proposed"; request: string }
  | { page: "settings" }
  /** A link of an agent that wants to be paired: its key, its secret, and the account if it names one. */
  | { page: "pair"; link: string }
  /** A link of the owner to their own account, for another device. */
  | { page: "account"; link: string }
  /** Makes a second passkey on this device, for an account that is made on another. */
  | { page: "key" };

const DIGEST = /^[0-9a-f]{64}$/;
const LINK = /^[0-9A-Za-z.]{1,200}$/;

export function routeOf(hash: string): Route {
  const [, page = "", rest = ""] = hash.split("/");
  if ((page === "request" || page === "receipt" || page === "grant" || page === "proposed") && DIGEST.test(rest))
    return { page, request: rest };
  if ((page === "pair" || page === "account") && LINK.test(rest)) return { page, link: rest };
  if (page === "all" || page === "allowances" || page === "history" || page === "settings" || page === "key") return { page };
  return { page: "inbox" };
}

export function linkTo(route: Route): string {
  if (route.page === "inbox") return "#/";
  const rest = "request" in route ? route.request : "link" in route ? route.link : undefined;
  return rest === undefined ? `#/${route.page}` : `#/${route.page}/${rest}`;
}

export function useRoute(): Route {
  const [route, setRoute] = useState(() => routeOf(location.hash));
  useEffect(() => {
    const follow = () => setRoute((before) => sameOr(before, routeOf(location.hash)));
    addEventListener("hashchange", follow);
    follow(); // it may have changed since the first render
    return () => removeEventListener("hashchange", follow);
  }, []);
  return route;
}

/** The same object for the same page: nothing is drawn again. */
function sameOr(before: Route, next: Route): Route {
  return linkTo(before) === linkTo(next) ? before : next;
}

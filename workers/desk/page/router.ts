/** Which page is shown, from the fragment of the address: `#/`, `#/all`, `#/request/DIGEST`, `#/allowances`, `#/history`. */

import { useEffect, useState } from "preact/hooks";

export type Route =
  | { page: "inbox" }
  | { page: "all" }
  | { page: "request"; request: string }
  | { page: "receipt"; request: string }
  | { page: "allowances" }
  | { page: "history" };

const DIGEST = /^[0-9a-f]{64}$/;

export function routeOf(hash: string): Route {
  const [, page = "", request = ""] = hash.split("/");
  if ((page === "request" || page === "receipt") && DIGEST.test(request)) return { page, request };
  if (page === "all" || page === "allowances" || page === "history") return { page };
  return { page: "inbox" };
}

export function linkTo(route: Route): string {
  if (route.page === "inbox") return "#/";
  return "request" in route ? `#/${route.page}/${route.request}` : `#/${route.page}`;
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

/** The route that a request was sold on. */

import type { Context } from "hono";
import { matchedRoutes } from "hono/route";
import { MAX_RECORDED_ROUTE_LENGTH } from "../../../shared/limits.ts";

/** Of the routes that match the request, the last one that names a path of its own. */
export function soldRoute(c: Context): string {
  const own = matchedRoutes(c).findLast(({ path }) => !path.includes("*"));
  return `${c.req.method} ${own?.path ?? c.req.path}`.slice(0, MAX_RECORDED_ROUTE_LENGTH);
}

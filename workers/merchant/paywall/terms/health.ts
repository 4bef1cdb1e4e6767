/** Whether this merchant can sell, for the seller and its monitoring. */

import { Hono } from "hono/tiny";
import { ConfigurationError } from "../../../../shared/configuration-error.ts";
import { HEALTH_SECONDS } from "../../../../shared/limits.ts";
import { unixNow } from "../../../../shared/time.ts";
import { checkOptions, type PaywallOptions } from "../config.ts";
import type { PaywallEnv } from "../types.ts";
import { RouteTerms } from "./index.ts";

/** A price stands in for a route's: everything else that a sale needs is the same for all. */
const ANY_ROUTE = { amount: "1" };

/**
 * `/.well-known/paywall-health`: 200 `{"sells":true}`, or 503 with the problem and what to do about it. It asks the facilitator, at most
 * every 10 seconds for each isolate.
 * @param options those that the routes share, such as `payTo`
 */
export function paywallHealth(options: Partial<PaywallOptions> = {}): Hono<PaywallEnv> {
  const checked = checkOptions({ ...ANY_ROUTE, ...options });
  let last: { at: number; health: Health } | undefined;
  return new Hono<PaywallEnv>().get("/.well-known/paywall-health", async (c) => {
    if (!last || unixNow() - last.at >= HEALTH_SECONDS) {
      const terms = await new RouteTerms(checked, true).of(c).catch((error: unknown) => {
        if (error instanceof ConfigurationError) return error;
        throw error;
      });
      last = { at: unixNow(), health: healthOf(terms) };
    }
    return c.json(last.health, last.health.sells ? 200 : 503, { "Cache-Control": "no-store" });
  });
}

type Health = { sells: true } | { sells: false; kind: "setup" | "passing"; problem: string };

function healthOf(terms: Awaited<ReturnType<RouteTerms["of"]>> | ConfigurationError): Health {
  if (terms instanceof ConfigurationError) return { sells: false, kind: "setup", problem: terms.message };
  if ("code" in terms) return { sells: false, kind: "passing", problem: `${terms.code}: the log says why` };
  return { sells: true };
}

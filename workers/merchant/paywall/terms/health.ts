/** Whether this merchant can sell, for the seller and its monitoring. */

import { Hono } from "hono/tiny";
import { ConfigurationError } from "../../../../shared/configuration-error.ts";
import { HEALTH_SECONDS } from "../../../../shared/limits.ts";
import { unixNow } from "../../../../shared/time.ts";
import { checkOptions, type PaywallOptions } from "../options.ts";
import type { PaywallEnv } from "../types.ts";
import { RouteTerms } from "./index.ts";

/** Terms that stand in for a route's, which may depend on its requests. What else a sale needs is the same for all. */
const ANY_TERMS = { amount: "1", description: "" };
const ANY_ACCOUNT = "1".repeat(32);

/**
 * `/.well-known/paywall-health`: 200 `{"sells":true}`, or 503 with the problem and what to do about it. It asks the facilitator, at most
 * every 10 seconds for each isolate.
 * @param options those that the routes share, such as `payTo`
 */
export function paywallHealth(options: Partial<PaywallOptions> = {}): Hono<PaywallEnv> {
  const payee = typeof options.payTo === "function" ? { payTo: ANY_ACCOUNT } : {};
  const checked = checkOptions({ ...options, ...ANY_TERMS, ...payee });
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

/** Keeps shared caches from storing what is priced: terms, paid answers, refusals. */

import type { Context } from "hono";
import { CDN_HEADERS } from "../../../shared/x402/caching.ts";
import { PAYMENT_SIGNATURE } from "../../../shared/x402/headers.ts";

export function isCachingHeader(name: string): boolean {
  return name === "cache-control" || CDN_HEADERS.has(name);
}

/** @param headers of a response that answers a payment */
export function forbidCaching(headers: Headers): void {
  for (const name of CDN_HEADERS) headers.delete(name);
  if (!/\bno-store\b/i.test(headers.get("Cache-Control") ?? "")) headers.set("Cache-Control", "private, no-store");
  const vary = headers.get("Vary");
  if (vary === null) headers.set("Vary", PAYMENT_SIGNATURE);
  else if (vary.trim() !== "*" && !vary.toUpperCase().includes(PAYMENT_SIGNATURE)) headers.append("Vary", PAYMENT_SIGNATURE);
}

/** The headers of the handler's response, for changes. */
export function writableHeaders(c: Context): Headers {
  // A response without a body may be a constant that the seller sends to others too.
  if (c.res.body === null) c.res = new Response(null, c.res);
  try {
    c.res.headers.delete(UNUSED);
  } catch {
    c.res = new Response(c.res.body, c.res); // the headers of a fetched response are immutable
  }
  return c.res.headers;
}

const UNUSED = "x-unused";

/** Response headers that should not be there: of x402 version 1, and those that let a cache store what is priced. */

import { quote } from "../../shared/screen/escapes.ts";
import { CDN_HEADERS } from "../../shared/x402/caching.ts";

/** Names in lower case. */
type Headers = Readonly<Record<string, string>>;

const VERSION_1 = ["x-payment", "x-payment-required", "x-payment-response"];

export function oldHeaders(headers: Headers): string[] {
  return VERSION_1.filter((name) => name in headers);
}

const FORBIDS = /(^|[\s,])(no-store|private|no-cache)([\s,;]|$)/i;
const LIFETIMES = /max-?age\s*=\s*"?(\d+)/gi;

function forbidsStoring(directives: string): boolean {
  const lifetimes = [...directives.matchAll(LIFETIMES)].map(([, seconds]) => Number(seconds));
  return FORBIDS.test(directives) || (lifetimes.length > 0 && lifetimes.every((seconds) => seconds === 0));
}

/** Headers that let a CDN store the answer, with their values. */
export function storedByCdn(headers: Headers): string[] {
  return [...CDN_HEADERS].flatMap((name) => {
    const value = headers[name];
    return value === undefined || forbidsStoring(value) || isOver(name, value, headers["date"]) ? [] : [`${name}: ${quote(value)}`];
  });
}

/** A date or a number of seconds that leaves no time. What is no date at all has expired (RFC 9111 §5.3). */
function isOver(name: string, value: string, date: string | undefined): boolean {
  if (value.trim() === "0") return true;
  if (name !== "expires") return false;
  const now = date === undefined ? Date.now() : Date.parse(date);
  return !(Date.parse(value) > now);
}

/** Those and a Cache-Control that lets a shared cache store the answer. Without one, no cache stores a 400 or a 402. */
export function storedByAnyCache(headers: Headers): string[] {
  const cache = headers["cache-control"];
  const own = cache === undefined || forbidsStoring(cache) ? [] : [`cache-control: ${quote(cache)}`];
  return [...own, ...storedByCdn(headers)];
}

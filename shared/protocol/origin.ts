/** The origin of a web address, as signed objects name it. */

import * as z from "zod/mini";
import { keepNewest } from "../bounded.ts";
import { MAX_KNOWN_ORIGINS, MAX_ORIGIN_LENGTH } from "../limits.ts";

export const originSchema = z.custom<string>(isOrigin, "must be an origin as in https://shop.example, without a path");

/** Without `*`, which URLs allow: `https://*.shop.example` would look like a pattern, and is none. */
function isOrigin(value: unknown): boolean {
  if (typeof value !== "string" || value.length > MAX_ORIGIN_LENGTH || value.includes("*")) return false;
  if (known.has(value)) return true;
  const url = URL.parse(value);
  if (url?.origin !== value || !["https:", "http:"].includes(url.protocol)) return false;
  keepNewest(known, value, true, MAX_KNOWN_ORIGINS);
  return true;
}

/** Origins that were right a moment ago: to parse one takes as long as to check all other members of a payment. */
const known = new Map<string, true>();

/** The origin of an http(s) address as `URL` writes it, without parsing it again: all in front of its path. */
export function originOf(href: string): string {
  const end = href.indexOf("/", href.indexOf("//") + 2);
  return end < 0 ? href : href.slice(0, end);
}

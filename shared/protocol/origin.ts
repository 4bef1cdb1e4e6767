/** The origin of a web address, as signed objects name it. */

import * as z from "zod/mini";
import { MAX_ORIGIN_LENGTH } from "../limits.ts";

export const originSchema = z.custom<string>(isOrigin, "must be an origin as in https://shop.example, without a path");

/** Without `*`, which URLs allow: `https://*.shop.example` would look like a pattern, and is none. */
function isOrigin(value: unknown): boolean {
  if (typeof value !== "string" || value.length > MAX_ORIGIN_LENGTH || value.includes("*")) return false;
  const url = URL.parse(value);
  return url?.origin === value && ["https:", "http:"].includes(url.protocol);
}

/** How often one network may ask what needs no login and no pairing. */

import { refused } from "../../shared/desk/codes.ts";
import { networkOf } from "../../shared/text/network-of.ts";
import { refusalResponse } from "./answers.ts";
import type { DeskEnv } from "./env.ts";

/** Of the limit in wrangler.toml. */
const PERIOD_SECONDS = 10;

export async function isWithinLimit(request: Request, { STRANGER_LIMIT }: DeskEnv): Promise<boolean> {
  return !STRANGER_LIMIT || (await STRANGER_LIMIT.limit({ key: networkOf(request.headers.get("CF-Connecting-IP") ?? "none") })).success;
}

export function tooMany(): Response {
  return refusalResponse({ ...refused("rate_limited"), retryAfter: PERIOD_SECONDS });
}

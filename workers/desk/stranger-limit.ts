/** How often one network may ask what needs no login and no pairing, and how often its calls may be refused. */

import { refused } from "../../shared/desk/codes.ts";
import { MAX_SHUT_OUT_NETWORKS } from "../../shared/limits.ts";
import { networkOf } from "../../shared/text/network-of.ts";
import { refusalResponse } from "./answers.ts";
import type { DeskEnv } from "./env.ts";

/** Of the limit in wrangler.toml. */
const PERIOD_SECONDS = 10;

/** Networks of which too many calls were refused, and until when: unix seconds. Each isolate has its own. */
const shutOut = new Map<string, number>();

export async function isWithinLimit(request: Request, env: DeskEnv): Promise<boolean> {
  return isWithin(env, callerOf(request));
}

export function tooMany(): Response {
  return refusalResponse({ ...refused("rate_limited"), retryAfter: PERIOD_SECONDS });
}

/** Counts a call of an agent that was refused for who called: its signature was checked, or an object was woken. @param now unix seconds */
export async function countRefused(request: Request, env: DeskEnv, now: number): Promise<void> {
  const caller = callerOf(request);
  if (await isWithin(env, `refused ${caller}`)) return;
  if (shutOut.size >= MAX_SHUT_OUT_NETWORKS) shutOut.clear();
  shutOut.set(caller, now + PERIOD_SECONDS);
}

/** Whether so many calls of this network were refused that the next are not looked at. @param now unix seconds */
export function isShutOut(request: Request, now: number): boolean {
  return (shutOut.get(callerOf(request)) ?? 0) > now;
}

async function isWithin({ STRANGER_LIMIT }: DeskEnv, key: string): Promise<boolean> {
  return !STRANGER_LIMIT || (await STRANGER_LIMIT.limit({ key })).success;
}

function callerOf(request: Request): string {
  return networkOf(request.headers.get("CF-Connecting-IP") ?? "none");
}

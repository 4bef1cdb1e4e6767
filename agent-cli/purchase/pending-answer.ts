/**
 * An answer that is elsewhere: a 202 that says where the result will be, a 303 that says where it is. The result belongs to what was
 * bought, so it is asked for without a payment, and only at the merchant's own origin.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { RETRY_AFTER_SECONDS } from "../../shared/limits.ts";
import { canonicalUrl } from "../../shared/protocol/binding.ts";
import { allowHttpFor } from "../merchant/curl-request.ts";
import type { Context } from "../runtime/context.ts";
import { exchange, type HttpResponse, type ResponseHead } from "../runtime/exchange.ts";
import { MAX_RESULT_MOVES, MAX_RESULT_WAIT_SECONDS } from "../runtime/limits.ts";
import type { Next } from "../runtime/outcome.ts";
import { retryAfterOf } from "./classify-response.ts";

const ELSEWHERE: readonly number[] = [202, 303];

/** Where the result of a 202 or a 303 is; undefined for any other answer, and for one that points to another origin. */
export function resultUrl(asked: string, { status, headers }: Pick<ResponseHead, "status" | "headers">): string | undefined {
  const location = headers["location"] ?? headers["content-location"];
  if (!ELSEWHERE.includes(status) || location === undefined || !URL.canParse(location, asked)) return undefined;
  const url = canonicalUrl(new URL(location, asked).href);
  return url !== undefined && new URL(url).origin === new URL(asked).origin ? url : undefined;
}

/**
 * The command that fetches the result of a 202 or a 303.
 * @param out the file for it
 */
export function fetchResult(asked: string, head: Pick<ResponseHead, "status" | "headers">, out: string | undefined): Next | undefined {
  const url = resultUrl(asked, head);
  if (url === undefined) return undefined;
  return {
    argv: ["lez-agent-pay", "fetch", url, "--wait", ...(out === undefined ? [] : ["--out", out]), ...allowHttpFor(url)],
    by: "agent",
    why: "fetch the result when it is ready; it is asked for without a payment",
    afterSeconds: retryAfterOf(head) ?? RETRY_AFTER_SECONDS,
  };
}

/**
 * Asks again while the answer is a 202, as often as the merchant says, and goes where a 303 points to. Returns the last answer when the
 * time is over.
 */
export async function untilReady(context: Context, url: string, first: HttpResponse, timeout: number | undefined): Promise<HttpResponse> {
  const until = Math.min(Date.now() + (timeout ?? MAX_RESULT_WAIT_SECONDS) * 1000, context.waitUntil ?? Infinity);
  let [asked, answer, moves] = [url, first, 0];
  while (ELSEWHERE.includes(answer.status)) {
    const there = resultUrl(asked, answer);
    if (answer.status === 202) {
      const pause = (retryAfterOf(answer) ?? RETRY_AFTER_SECONDS) * 1000;
      if (Date.now() + pause > until) break;
      context.progress(`Waiting for the result at ${asked}`);
      await sleep(pause, undefined, { signal: context.io.signal }).catch(() => undefined);
    } else if (there === undefined || ++moves > MAX_RESULT_MOVES) break;
    asked = there ?? asked;
    const next = await exchange(context, { method: "GET", url: asked, headers: [] });
    // An answer that costs money, or none, leaves the one before it.
    if (!next.ok || next.status === 402) break;
    const { ok: _, ...response } = next;
    answer = response;
  }
  context.progress("");
  return answer;
}

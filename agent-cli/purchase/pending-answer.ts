/**
 * An answer that is not ready: a 202 that says where the result will be. The result belongs to what was bought, so it is asked for
 * without a payment, and only at the merchant's own origin.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { RETRY_AFTER_SECONDS } from "../../shared/limits.ts";
import { canonicalUrl } from "../../shared/protocol/binding.ts";
import { allowHttpFor } from "../merchant/curl-request.ts";
import type { Context } from "../runtime/context.ts";
import { exchange, type HttpResponse, type ResponseHead } from "../runtime/exchange.ts";
import { MAX_RESULT_WAIT_SECONDS } from "../runtime/limits.ts";
import type { Next } from "../runtime/outcome.ts";
import { retryAfterOf } from "./classify-response.ts";

/** Where the result of a 202 will be; undefined for any other answer, and for one that points to another origin. */
export function resultUrl(asked: string, { status, headers }: Pick<ResponseHead, "status" | "headers">): string | undefined {
  const location = headers["location"] ?? headers["content-location"];
  if (status !== 202 || location === undefined || !URL.canParse(location, asked)) return undefined;
  const url = canonicalUrl(new URL(location, asked).href);
  return url !== undefined && new URL(url).origin === new URL(asked).origin ? url : undefined;
}

/**
 * The command that fetches the result of a 202.
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

/** Asks again while the answer is a 202, as often as the merchant says. Returns the last answer when the time is over. */
export async function untilReady(context: Context, url: string, first: HttpResponse, timeout: number | undefined): Promise<HttpResponse> {
  const until = Math.min(Date.now() + (timeout ?? MAX_RESULT_WAIT_SECONDS) * 1000, context.waitUntil ?? Infinity);
  let [asked, answer] = [url, first];
  while (answer.status === 202) {
    const pause = (retryAfterOf(answer) ?? RETRY_AFTER_SECONDS) * 1000;
    if (Date.now() + pause > until) break;
    context.progress(`Waiting for the result at ${asked}`);
    await sleep(pause, undefined, { signal: context.io.signal }).catch(() => undefined);
    asked = resultUrl(asked, answer) ?? asked;
    const next = await exchange(context, { method: "GET", url: asked, headers: [] });
    // An answer that costs money, or none, leaves the one before it.
    if (!next.ok || next.status === 402) break;
    const { ok: _, ...response } = next;
    answer = response;
  }
  context.progress("");
  return answer;
}

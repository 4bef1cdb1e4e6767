/** Waits for an owner: looks into the inbox until there is a decision, the request expires, or the timeout passes. */

import { setTimeout as sleep } from "node:timers/promises";
import type { Digest } from "../../shared/crypto/digest.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { duration } from "../../shared/screen/duration.ts";
import { unixNow } from "../../shared/time.ts";
import { asStarted } from "../command-line/envelope.ts";
import { secondsField } from "../command-line/fields.ts";
import { interrupted } from "../prompts/prompts.ts";
import { look } from "../records/inbox.ts";
import type { Context } from "../runtime/context.ts";
import { fail, type Outcome } from "../runtime/outcome.ts";
import { waitFor } from "./payment-to-present.ts";
import { decideBy, type Purchase, purchaseOf } from "./purchase.ts";

const LOOK_EVERY_MILLISECONDS = 300;

export const timeoutField = {
  timeout: secondsField.optional().meta({ value: "seconds", description: "wait no longer than this; else until the request expires" }),
};

/** Repeats --timeout in `next`, unless a limit from outside, as an MCP server's, ended the wait. */
export function timeoutArgv({ waitUntil }: Context, timeout: number | undefined): string[] {
  return timeout === undefined || waitUntil !== undefined ? [] : ["--timeout", String(timeout)];
}

/** The code first, and what the owner types: the line may be cut. */
export function asksOwner({ io }: Context, code: string): string {
  return asStarted(`${code} waits: the owner types lez-agent-pay approve ${code}`, io.env);
}

/** Returns the purchase once it is no longer pending, or as it is when the timeout passes. */
export async function waitForDecision(context: Context, digest: Digest, timeout: number | undefined): Promise<Outcome<Purchase>> {
  const until = Math.min(Date.now() + (timeout ?? Infinity) * 1000, context.waitUntil ?? Infinity);
  for (;;) {
    const item = await look(context, digest);
    if (!item.ok) return item;
    if (!item.data) return fail("request_not_found", `Request ${shortCode(digest)} has left the inbox.`);
    const purchase = purchaseOf(context, item.data, unixNow());
    if (!purchase.ok || purchase.data.state !== "pending" || Date.now() >= until) {
      context.progress("");
      return purchase;
    }
    const left = decideBy(item.data.request) - unixNow();
    // Count down only where the line can be redrawn; elsewhere each look would print one.
    context.progress(`${asksOwner(context, shortCode(digest))}${context.layout.moves ? `, ${duration(left)} left` : ""}`);
    await sleep(LOOK_EVERY_MILLISECONDS, undefined, { signal: context.io.signal }).catch(() => undefined);
    if (context.io.signal.aborted) {
      context.progress("");
      const code = shortCode(digest);
      return { ...interrupted(`Request ${code} still waits for its owner.`), next: waitFor(code, timeoutArgv(context, timeout)) };
    }
  }
}

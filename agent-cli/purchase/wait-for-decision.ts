/** Waits for an owner: looks into the inbox until there is a decision, the request expires, or the timeout passes. */

import { setTimeout as sleep } from "node:timers/promises";
import type { Digest } from "../../shared/crypto/digest.ts";
import { isNativeRequest, shortCode } from "../../shared/protocol/payment-request.ts";
import { duration } from "../../shared/screen/duration.ts";
import { unixNow } from "../../shared/time.ts";
import { asStarted } from "../command-line/envelope.ts";
import { secondsField } from "../command-line/fields.ts";
import { DeskTrouble } from "../hosted-desk/trouble.ts";
import { interrupted } from "../prompts/prompts.ts";
import { look } from "../records/inbox.ts";
import type { Context } from "../runtime/context.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import { type DeskNews, followDesk } from "./follow-desk.ts";
import type { PairedDesk } from "./paired-desk.ts";
import { waitFor } from "./payment-to-present.ts";
import { type AtDesk, decideBy, type Purchase, purchaseOf } from "./purchase.ts";

const LOOK_EVERY_MILLISECONDS = 300;

export const timeoutField = {
  timeout: secondsField.optional().meta({ value: "seconds", description: "wait no longer than this; else until the request expires" }),
};

/** Repeats --timeout in `next`, unless a limit from outside, as an MCP server's, ended the wait. */
export function timeoutArgv({ waitUntil }: Context, timeout: number | undefined): string[] {
  return timeout === undefined || waitUntil !== undefined ? [] : ["--timeout", String(timeout)];
}

/** The code first, and what the owner types: the line may be cut. */
export function asksOwner({ io }: Context, code: string, desk?: PairedDesk, onChain = false): string {
  const here = asStarted(`lez-agent-pay approve ${code}`, io.env);
  if (desk && onChain) return `${code} is shown at ${desk.desk}; the owner signs it with ${here}`;
  return desk ? `${code} waits at ${desk.desk}; or the owner types ${here}` : `${code} waits: the owner types ${here}`;
}

/** A purchase that is no longer pending, or as it is when the timeout passes. */
export type Waited = Purchase & {
  /** The owner has granted a mandate at the desk meanwhile: it may pay what still waits. */
  granted?: true;
};

/**
 * Waits for the inbox, into which the desk's decisions come as well, if there is one.
 * @param desk where the request is sent, too
 * @param orMandate whether a mandate that the owner grants at the desk ends the wait as well
 */
export async function waitForDecision(
  context: Context,
  digest: Digest,
  timeout: number | undefined,
  desk?: PairedDesk,
  orMandate = false,
): Promise<Outcome<Waited>> {
  if (!desk) return waitForInbox(context, digest, timeout);
  const item = await look(context, digest);
  if (!item.ok) return item;
  if (!item.data) return hasLeft(digest);
  const before = purchaseOf(context, item.data, unixNow());
  // What was decided is not sent to the desk again.
  if (!before.ok || before.data.state !== "pending") return before;
  const over = new AbortController();
  const news: DeskNews = { trouble: new DeskTrouble(), granted: false };
  const following = followDesk(context, desk, item.data, news, AbortSignal.any([over.signal, context.io.signal]));
  try {
    const waited = await waitForInbox(
      context,
      digest,
      timeout,
      () => (news.trouble.why === undefined ? desk : undefined),
      () => orMandate && news.granted,
    );
    if (!waited.ok || waited.data.state !== "pending") return waited;
    const { why } = news.trouble;
    const at: AtDesk = { origin: desk.desk, account: desk.account, ...waited.data.desk, ...(why !== undefined && { problem: why }) };
    return succeed({ ...waited.data, desk: at, ...(orMandate && news.granted && { granted: true as const }) });
  } finally {
    over.abort();
    await following;
  }
}

const hasLeft = (digest: Digest) => fail("request_not_found", `Request ${shortCode(digest)} has left the inbox.`);

async function waitForInbox(
  context: Context,
  digest: Digest,
  timeout: number | undefined,
  deskNow: () => PairedDesk | undefined = () => undefined,
  isEnded = () => false,
): Promise<Outcome<Purchase>> {
  const until = Math.min(Date.now() + (timeout ?? Infinity) * 1000, context.waitUntil ?? Infinity);
  for (;;) {
    const item = await look(context, digest);
    if (!item.ok) return item;
    if (!item.data) return hasLeft(digest);
    const purchase = purchaseOf(context, item.data, unixNow());
    if (!purchase.ok || purchase.data.state !== "pending" || isEnded() || Date.now() >= until) {
      context.progress("");
      return purchase;
    }
    const left = decideBy(item.data.request) - unixNow();
    // Count down only where the line can be redrawn; elsewhere each look would print one.
    context.progress(
      `${asksOwner(context, shortCode(digest), deskNow(), isNativeRequest(item.data.request))}${context.layout.moves ? `, ${duration(left)} left` : ""}`,
    );
    await sleep(LOOK_EVERY_MILLISECONDS, undefined, { signal: context.io.signal }).catch(() => undefined);
    if (context.io.signal.aborted) {
      context.progress("");
      const code = shortCode(digest);
      return { ...interrupted(`Request ${code} still waits for its owner.`), next: waitFor(code, timeoutArgv(context, timeout)) };
    }
  }
}

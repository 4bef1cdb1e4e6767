/** Which requests one `approve` is about: those that are named, or all open ones of one agent, oldest first. */

import { shortCode } from "../../shared/protocol/payment-request.ts";
import { unixNow } from "../../shared/time.ts";
import { agentKeyOf } from "../purchase/find-agent.ts";
import { purchaseOf } from "../purchase/purchase.ts";
import { type Subject, subjectOf } from "../purchase/request-subject.ts";
import { look, requestsInInbox } from "../records/inbox.ts";
import type { Context } from "../runtime/context.ts";
import { MAX_BATCH } from "../runtime/limits.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";

export interface Candidate {
  subject: Subject;
}

/** A request of the batch that is not approved, and why. */
export interface LeftOut {
  request: string;
  code: string;
  message: string;
}

interface Requests {
  candidates: Candidate[];
  leftOut: LeftOut[];
}

export async function namedRequests(context: Context, words: readonly string[]): Promise<Outcome<Requests>> {
  if (words.length > MAX_BATCH) return fail("usage", `At most ${MAX_BATCH} requests are approved at once.`);
  const found: Requests = { candidates: [], leftOut: [] };
  for (const request of words) {
    const subject = await subjectOf(context, { request });
    if (!subject.ok) found.leftOut.push({ request, code: subject.error.code, message: subject.error.message });
    else if (!found.candidates.some((candidate) => candidate.subject.digest === subject.data.digest))
      found.candidates.push({ subject: subject.data });
  }
  return succeed(found);
}

/** @param agent its whole key, or the code of one of its requests */
export async function requestsOfAgent(context: Context, agent: string): Promise<Outcome<Requests>> {
  const key = await agentKeyOf(context, agent);
  if (!key.ok) return key;
  const digests = requestsInInbox(context);
  if (!digests.ok) return digests;
  const found: Requests = { candidates: [], leftOut: [] };
  for (const digest of digests.data.toReversed()) {
    const item = await look(context, digest);
    if (!item.ok || item.data?.request.agent.publicKey !== key.data) continue;
    const purchase = purchaseOf(context, item.data, unixNow());
    if (!purchase.ok || purchase.data.state !== "pending") continue;
    const { request, terms } = item.data;
    if (found.candidates.length < MAX_BATCH) found.candidates.push({ subject: { request, digest, item: item.data, terms } });
    else found.leftOut.push({ request: shortCode(digest), code: "too_many", message: `At most ${MAX_BATCH} are approved at once.` });
  }
  if (found.candidates.length > 0) return succeed(found);
  return fail("request_not_found", "No request of this agent waits for a decision.", {
    hint: "lez-agent-pay inbox --all lists every request.",
  });
}
